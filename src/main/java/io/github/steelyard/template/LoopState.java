package io.github.steelyard.template;

import io.github.steelyard.jinja.TemplateException;
import java.util.List;

/// What `loop` stands for in a loop.
final class LoopState {

    private final List<Object> items;
    private final int depth;
    private final Comparison comparison;
    private int at;
    private Object changed = new Undefined("nothing before");

    /// @param depth how many loops lie around this one
    LoopState(List<Object> items, int depth, Comparison comparison) {
        this.items = items;
        this.depth = depth;
        this.comparison = comparison;
    }

    void moveTo(int place) {
        at = place;
    }

    Object attribute(String name) {
        return switch (name) {
            case "index" -> at + 1L;
            case "index0" -> (long) at;
            case "revindex" -> (long) items.size() - at;
            case "revindex0" -> items.size() - at - 1L;
            case "first" -> at == 0;
            case "last" -> at == items.size() - 1;
            case "length" -> (long) items.size();
            case "depth" -> depth + 1L;
            case "depth0" -> (long) depth;
            case "previtem" -> at == 0 ? new Undefined("'previtem' of the first item") : items.get(at - 1);
            case "nextitem" ->
                at == items.size() - 1 ? new Undefined("'nextitem' of the last item") : items.get(at + 1);
            case "cycle" ->
                (Callable) (positional, named) -> {
                    if (positional.isEmpty()) {
                        throw new TemplateException("loop.cycle: no values");
                    }
                    return positional.get(at % positional.size());
                };
            case "changed" ->
                (Callable) (positional, named) -> {
                    Tuple now = new Tuple(List.copyOf(positional));
                    boolean differs = !comparison.equal(now, changed);
                    changed = now;
                    return differs;
                };
            default -> new Undefined("'%s' of 'loop'".formatted(name));
        };
    }
}
