package io.github.steelyard.oracle;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
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

/// The inputs of one case, with the file's defaults below them, turned into a request. Inputs that nothing reads are
/// reported.
final class CaseInputs {

    private static final Set<String> LIBRARIES = Set.of("flashinfer");

    private final ObjectNode inputs;
    private final JsonNode mocks;
    private final Set<String> read = new HashSet<>();

    CaseInputs(ObjectNode inputs, JsonNode mocks) {
        this.inputs = inputs;
        this.mocks = mocks;
    }

    SelectionRequest request(String format, boolean strict) {
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
        JsonNode wna = find("wna").filter(JsonNode::isObject).orElse(null);
        if (wna == null) {
            return MoeLayer.WeightLayout.unknown();
        }
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
        String platform = text("platform", "cuda");
        return new Device(
                platform.equals("out_of_tree") ? "oot" : platform,
                find("cc").map(node -> OptionalInt.of(node.asInt())).orElse(OptionalInt.empty()),
                text("arch", Device.UNKNOWN),
                find("libs").map(CaseInputs::texts).map(Set::copyOf).orElse(LIBRARIES),
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
        find("moe_backend_per_format")
                .ifPresent(map -> map.properties()
                        .forEach(entry -> perFormat.put(
                                entry.getKey(),
                                new Choice(entry.getValue().asText(), "--moe-backend." + entry.getKey()))));
        Map<String, String> environment = new LinkedHashMap<>();
        find("env")
                .ifPresent(map -> map.properties()
                        .forEach(entry ->
                                environment.put(entry.getKey(), entry.getValue().asText())));
        return new Preference(
                Optional.of(new Choice(text("moe_backend", "auto"), "--moe-backend")),
                perFormat,
                environment,
                flag("batch_invariant", false));
    }

    private Assumptions assumptions() {
        Map<String, Boolean> experts = new LinkedHashMap<>();
        Set<String> prefixes = new HashSet<>();
        boolean families = true;
        for (Map.Entry<String, JsonNode> mock : mocks.properties()) {
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
        read.add(name);
        return Optional.ofNullable(inputs.get(name)).map(node -> node.isNull() ? MoeLayer.NONE : node.asText());
    }

    String text(String name, String otherwise) {
        return find(name).map(JsonNode::asText).orElse(otherwise);
    }

    private int integer(String name, int otherwise) {
        return find(name).map(JsonNode::asInt).orElse(otherwise);
    }

    private boolean flag(String name, boolean otherwise) {
        return find(name).map(JsonNode::asBoolean).orElse(otherwise);
    }

    private OptionalDouble number(String name) {
        return find(name).map(node -> OptionalDouble.of(node.asDouble())).orElse(OptionalDouble.empty());
    }

    static List<String> texts(JsonNode node) {
        List<String> texts = new ArrayList<>();
        node.forEach(item -> texts.add(item.asText()));
        return texts;
    }
}
