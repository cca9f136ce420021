package io.github.steelyard.pattern;

import com.google.re2j.Matcher;
import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.pattern.RegexOutline.Kind;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;

/// A regular expression, written `re:…`, that must match from the start of the name but not to its end.
///
/// Matching takes time linear in the name (RE2). Lookaheads, which RE2 has not and published configs do, are matched
/// here where they stand outside any group: the parts between them are followed as a set of places in the name, which
/// takes polynomial time and the budget bounds it. Backreferences, lookbehind and possessive quantifiers are refused.
///
/// @param text the expression as written
/// @param outline what its text tells
/// @param pieces its parts, compiled
public record RegexPattern(String text, RegexOutline outline, List<Piece> pieces) implements ModulePattern {

    private static final long LARGEST = 10_000;
    private static final int COMPILING = 400; // steps for each element
    private static final int LEAST_PROGRAM = 32; // a short program takes its time too
    private static final List<String> ANCHORS = List.of("\\b", "\\B", "\\A", "\\z");
    private static final int LITERAL_AT_ONCE = 2; // characters that are searched in a step

    /// A part and its program.
    record Piece(Kind kind, String text, Pattern program) {

        boolean looksAt(String name, ModulePattern.Budget budget) {
            pay(name, budget);
            return program.matcher(name).lookingAt();
        }

        boolean isAllOf(String name, ModulePattern.Budget budget) {
            pay(name, budget);
            Matcher matcher = program.matcher(name);
            return matcher.matches();
        }

        private void pay(String name, ModulePattern.Budget budget) {
            budget.take((long) (name.length() + 1) * Math.max(LEAST_PROGRAM, program.programSize()));
        }
    }

    public RegexPattern {
        pieces = List.copyOf(pieces);
    }

    /// Returns the expression written as `text`, with or without `re:`.
    ///
    /// @param budget pays for the compiling
    /// @throws IllegalArgumentException if it is none, or cannot be matched in bounded time; the message says why
    public static RegexPattern of(String text, ModulePattern.Budget budget) {
        String regex = text.startsWith("re:") ? text.substring(3) : text;
        RegexOutline outline = RegexOutline.of(regex);
        if (outline.size() > LARGEST) {
            throw refused(text, String.format(Locale.ROOT, "its repeats unfold to more than %d elements", LARGEST));
        }
        budget.take(COMPILING * outline.size());
        List<Piece> pieces = new ArrayList<>();
        try {
            for (RegexOutline.Part part : outline.parts()) {
                pieces.add(new Piece(part.kind(), part.text(), Pattern.compile(part.text())));
            }
        } catch (PatternSyntaxException e) {
            throw refused(text, "%s `%s`".formatted(e.getDescription(), e.getPattern()));
        } catch (StackOverflowError e) {
            throw refused(text, "its groups are nested too deeply");
        }
        requireCuttable(text, outline);
        return new RegexPattern(text, outline, pieces);
    }

    // A part sees its own stretch of the name only, so that anchors in it would hold at the wrong place.
    private static void requireCuttable(String text, RegexOutline outline) {
        List<RegexOutline.Part> parts = outline.parts();
        if (parts.size() == 1) {
            return;
        }
        boolean cuttable = !outline.alternatives();
        for (int i = 0; i < parts.size(); i++) {
            String part = parts.get(i).text();
            boolean last = i == parts.size() - 1 || parts.get(i).kind() != Kind.TEXT;
            boolean anchored =
                    (i > 0 && part.replace("[^", "").replace("\\^", "").indexOf('^') >= 0)
                            || (!last && part.replace("\\$", "").indexOf('$') >= 0)
                            || ANCHORS.stream().anyMatch(part::contains);
            cuttable &= !anchored;
        }
        if (!cuttable) {
            throw refused(text, "anchors or alternatives beside a lookahead are not supported");
        }
    }

    private static IllegalArgumentException refused(String text, String why) {
        return new IllegalArgumentException(
                "pattern %s is not a regular expression that can be matched in linear time: %s"
                        .formatted(Printable.quoted(text), Printable.of(why)));
    }

    @Override
    public boolean blindToDigits() {
        return outline.blindToDigits();
    }

    @Override
    public boolean matches(String module, ModulePattern.Budget budget) {
        budget.take(1 + (outline.literal().isEmpty() ? 0 : module.length() / LITERAL_AT_ONCE));
        if (!module.contains(outline.literal())) {
            return false;
        }
        BitSet places = new BitSet();
        places.set(0);
        for (Piece piece : pieces.subList(0, pieces.size() - 1)) {
            places = switch (piece.kind()) {
                case TEXT -> ends(piece, places, module, budget);
                case AHEAD -> where(piece, places, module, true, budget);
                case NOT_AHEAD -> where(piece, places, module, false, budget);
            };
        }
        return !where(pieces.getLast(), places, module, true, budget).isEmpty();
    }

    /// Returns where `piece` can end if it begins at one of `places`.
    private static BitSet ends(Piece piece, BitSet places, String module, ModulePattern.Budget budget) {
        if (piece.text().isEmpty() || piece.text().equals("^")) {
            return places;
        }
        BitSet ends = new BitSet();
        if (piece.text().equals(".*") || piece.text().equals("^.*")) { // anywhere after
            if (!places.isEmpty()) {
                ends.set(places.nextSetBit(0), module.length() + 1);
            }
            return ends;
        }
        for (int from = places.nextSetBit(0); from >= 0; from = places.nextSetBit(from + 1)) {
            for (int to = from; to <= module.length(); to++) {
                if (!ends.get(to) && piece.isAllOf(module.substring(from, to), budget)) {
                    ends.set(to);
                }
            }
        }
        return ends;
    }

    /// Returns those of `places` at which `piece` matches, or does not.
    private static BitSet where(
            Piece piece, BitSet places, String module, boolean wanted, ModulePattern.Budget budget) {
        BitSet kept = new BitSet();
        for (int at = places.nextSetBit(0); at >= 0; at = places.nextSetBit(at + 1)) {
            if (piece.looksAt(module.substring(at), budget) == wanted) {
                kept.set(at);
            }
        }
        return kept;
    }
}
