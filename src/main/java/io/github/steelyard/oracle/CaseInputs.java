package io.github.steelyard.oracle;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.github.steelyard.catalogue.Assumptions;
import io.github.steelyard.catalogue.CatalogueException;
import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.catalogue.Deployment;
import io.github.steelyard.catalogue.Device;
import io.github.steelyard.catalogue.MoeLayer;
import io.github.steelyard.catalogue.Preference;
import io.github.steelyard.catalogue.SelectionRequest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Predicate;

/// The inputs of one case, with the file's defaults below them, turned into a request. Inputs that nothing reads are
/// reported.
final class CaseInputs {

    private static final Set<String> LIBRARIES = Set.of("flashinfer");
    private static final List<String> PLATFORMS = List.of("cuda", "rocm", "xpu", "cpu", "tpu", "oot", "jvm");

    private final SelectionCase given;
    private final ObjectNode inputs;
    private final Set<String> read = new HashSet<>();

    CaseInputs(SelectionCase given) {
        this.given = given;
        this.inputs = given.inputs();
    }

    /// Returns the question that a case asks.
    ///
    /// @throws io.github.steelyard.catalogue.CatalogueException if an input has a value of the wrong kind, or one that
    /// cannot be
    SelectionRequest request(String format, boolean strict) {
        try {
            return asked(format, strict);
        } catch (IllegalArgumentException e) {
            throw given.fault(String.valueOf(e.getMessage()));
        }
    }

    private SelectionRequest asked(String format, boolean strict) {
        return new SelectionRequest(
                layer(format),
                device(),
                deployment(),
                preference(),
                strict,
                flag("requires_visible_w2_input", false),
                assumptions());
    }

    private MoeLayer layer(String format) {
        return new MoeLayer(
                format,
                new MoeLayer.Keys(key("weight_key"), key("activation_key"), key("activation_override")),
                new MoeLayer.Size(integer("hidden", 2048), integer("inter_pp", 768), integer("experts", 128)),
                new MoeLayer.Router(text("routing", "Renormalize"), text("logits", "bf16")),
                text("activation", "silu"),
                text("in_dtype", "bf16"),
                new MoeLayer.Traits(
                        flag("bias", false),
                        flag("lora", false),
                        flag("shared_experts", false),
                        flag("allow_cutlass", false),
                        flag("dsv4", false)),
                new MoeLayer.Clamp(number("swiglu_limit"), number("swiglu_alpha"), number("swiglu_beta")),
                layout());
    }

    private MoeLayer.WeightLayout layout() {
        return object("wna").map(CaseInputs::layout).orElseGet(MoeLayer.WeightLayout::unknown);
    }

    private static MoeLayer.WeightLayout layout(ObjectNode wna) {
        return new MoeLayer.WeightLayout(
                layoutName(wna.path("layout").asText(Device.UNKNOWN)),
                wna.path("group_size").asInt(-1),
                any(wna, "zp", "has_zp", "may_have_zp", "zero_points"),
                any(wna, "bias", "has_bias", "may_have_bias"),
                any(wna, "desc_act", "act_order")
                        || wna.path("actorder")
                                .asText("")
                                .toLowerCase(Locale.ROOT)
                                .equals("group")
                        || wna.path("actorder").asBoolean(false));
    }

    private static String layoutName(String name) {
        return switch (name.toLowerCase(Locale.ROOT).replaceAll("[-_ ]", "")) {
            case "awq", "autoawq" -> "awq";
            case "gptq", "autogptq" -> "gptq";
            case "ct", "compressedtensors" -> "compressed-tensors";
            case "moewna16" -> "moe_wna16";
            default -> name;
        };
    }

    private static boolean any(JsonNode node, String... names) {
        for (String name : names) {
            if (node.path(name).asBoolean(false)) {
                return true;
            }
        }
        return false;
    }

    private Device device() {
        String platform = text("platform", "cuda").replace("out_of_tree", "oot");
        if (!PLATFORMS.contains(platform)) {
            throw fault("platform", "one of " + PLATFORMS, TextNode.valueOf(platform));
        }
        return new Device(
                platform,
                find("cc").isPresent() ? OptionalInt.of(integer("cc", 0)) : OptionalInt.empty(),
                text("arch", Device.UNKNOWN),
                find("libs").isEmpty() ? LIBRARIES : Set.copyOf(texts("libs")),
                text("cpu_arch", Device.UNKNOWN),
                text("os", Device.UNKNOWN),
                flag("amx_tile", false));
    }

    private Deployment deployment() {
        return new Deployment(
                integer("tp", 1),
                integer("dp", 1),
                integer("pcp", 1),
                integer("sp", 1),
                integer("ep_size", 1),
                flag("use_ep", false),
                text("all2all", Deployment.defaultExchange()),
                flag("eplb", false));
    }

    private Preference preference() {
        Map<String, Choice> perFormat = new LinkedHashMap<>();
        textMap("moe_backend_per_format")
                .forEach((format, name) -> perFormat.put(format, new Choice(name, "--moe-backend." + format)));
        return new Preference(
                Optional.of(new Choice(text("moe_backend", "auto"), "--moe-backend")),
                perFormat,
                textMap("env"),
                flag("batch_invariant", false));
    }

    /// Returns an object of texts or numbers as texts; empty when it is absent.
    private Map<String, String> textMap(String name) {
        Map<String, String> texts = new LinkedHashMap<>();
        each(name, (key, value) -> {
            if (!value.isTextual() && !value.isNumber()) {
                throw fault(name + "." + key, "a text", value);
            }
            texts.put(key, value.asText());
        });
        return texts;
    }

    private Assumptions assumptions() {
        Map<String, Boolean> experts = new LinkedHashMap<>();
        Set<String> prefixes = new HashSet<>();
        boolean families = true;
        for (Map.Entry<String, JsonNode> mock : given.mocks().properties()) {
            boolean value = mock.getValue().asBoolean();
            switch (mock.getKey()) {
                case "all_experts" -> experts.put("*", value);
                case "trtllm_device_check" -> prefixes.add("TrtLlm");
                case "device_capability_family" -> families = value;
                default -> experts.put(mock.getKey(), value);
            }
        }
        return new Assumptions(experts, prefixes, families);
    }

    /// Returns the inputs that nothing has read so far.
    List<String> unread() {
        List<String> names = new ArrayList<>();
        inputs.fieldNames().forEachRemaining(names::add);
        names.removeAll(read);
        return names;
    }

    Optional<JsonNode> find(String name) {
        read.add(name);
        return Optional.ofNullable(inputs.get(name)).filter(node -> !node.isNull());
    }

    /// Returns a quantisation key: absent when the case leaves it to the format, `none` when it is null.
    private Optional<String> key(String name) {
        boolean quantised = find(name).isPresent();
        return inputs.has(name) ? Optional.of(quantised ? text(name, "") : MoeLayer.NONE) : Optional.empty();
    }

    Optional<String> text(String name) {
        return typed(name, "a text", JsonNode::isTextual).map(JsonNode::asText);
    }

    String text(String name, String otherwise) {
        return text(name).orElse(otherwise);
    }

    /// Visits every entry of an object; none when it is absent.
    void each(String name, BiConsumer<String, JsonNode> visitor) {
        object(name)
                .ifPresent(map -> map.properties().forEach(entry -> visitor.accept(entry.getKey(), entry.getValue())));
    }

    private Optional<ObjectNode> object(String name) {
        return typed(name, "an object", JsonNode::isObject).map(ObjectNode.class::cast);
    }

    /// Returns a list of texts; empty when it is absent.
    private List<String> texts(String name) {
        return typed(name, "a list of texts", CaseInputs::isTexts)
                .map(CaseInputs::texts)
                .orElse(List.of());
    }

    private int integer(String name, int otherwise) {
        return typed(name, "an integer", node -> node.isIntegralNumber() && node.canConvertToInt())
                .map(JsonNode::asInt)
                .orElse(otherwise);
    }

    private boolean flag(String name, boolean otherwise) {
        return typed(name, "true or false", JsonNode::isBoolean)
                .map(JsonNode::asBoolean)
                .orElse(otherwise);
    }

    private OptionalDouble number(String name) {
        return typed(name, "a number", JsonNode::isNumber)
                .map(node -> OptionalDouble.of(node.asDouble()))
                .orElse(OptionalDouble.empty());
    }

    private Optional<JsonNode> typed(String name, String wanted, Predicate<JsonNode> test) {
        Optional<JsonNode> found = find(name);
        found.filter(test.negate()).ifPresent(node -> {
            throw fault(name, wanted, node);
        });
        return found;
    }

    private CatalogueException fault(String name, String wanted, JsonNode found) {
        return given.fault("inputs.%s: expected %s, found %s".formatted(name, wanted, found));
    }

    private static boolean isTexts(JsonNode node) {
        return node.isArray() && texts(node).size() == node.size();
    }

    /// Returns the texts among the items of a list.
    static List<String> texts(JsonNode node) {
        List<String> texts = new ArrayList<>();
        node.forEach(item -> {
            if (item.isTextual()) {
                texts.add(item.asText());
            }
        });
        return texts;
    }
}
