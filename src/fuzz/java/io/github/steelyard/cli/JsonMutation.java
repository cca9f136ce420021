package io.github.steelyard.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ContainerNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;

/// Changes JSON values so that most of the structure remains: what is wrong then lies deep.
final class JsonMutation {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    // Stands before a key that is to be there twice, since a tree cannot hold it so.
    private static final String TWICE = "@twice@";

    private final List<JsonNode> seeds;
    private final List<String> keys;

    /// @param seeds trees whose keys and parts also find their way into others
    JsonMutation(List<JsonNode> seeds) {
        this.seeds = seeds;
        TreeSet<String> names = new TreeSet<>();
        seeds.forEach(seed -> places(seed).forEach(place -> {
            if (place.parent() instanceof ObjectNode) {
                names.add(place.key());
            }
        }));
        this.keys = List.copyOf(names);
    }

    /// A value in its container.
    private record Place(ContainerNode<?> parent, String key, int index) {

        JsonNode value() {
            return parent instanceof ObjectNode object ? object.get(key) : parent.get(index);
        }

        void set(JsonNode value) {
            switch (parent) {
                case ObjectNode object -> object.set(key, value);
                case ArrayNode array -> array.set(index, value);
                default -> throw new IllegalStateException("no container");
            }
        }

        void remove() {
            switch (parent) {
                case ObjectNode object -> object.remove(key);
                case ArrayNode array -> array.remove(index);
                default -> throw new IllegalStateException("no container");
            }
        }
    }

    /// Returns the text of one of the seeds, changed.
    String mutated(Random random) {
        return mutated(HostileValues.pick(seeds, random), random);
    }

    /// Returns the text of `seed`, changed in one to four places.
    String mutated(JsonNode seed, Random random) {
        if (random.nextInt(200) == 0) {
            return text(HostileValues.any(random));
        }
        JsonNode copy = seed.deepCopy();
        for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
            List<Place> places = places(copy);
            if (!places.isEmpty()) {
                change(HostileValues.pick(places, random), copy, random);
            }
        }
        return text(copy);
    }

    private void change(Place place, JsonNode tree, Random random) {
        JsonNode value = place.value();
        switch (random.nextInt(12)) {
            case 0, 1, 2 -> place.set(HostileValues.any(random));
            case 3, 4 -> place.set(value.isNumber() ? HostileValues.near(value, random) : HostileValues.text(random));
            case 5 -> place.remove();
            case 6 -> repeat(place, value, random);
            case 7 -> rename(place, value, random);
            case 8 -> place.set(part(random));
            case 9 -> {
                ArrayNode wrapped = JsonNodeFactory.instance.arrayNode();
                wrapped.add(value.deepCopy());
                place.set(wrapped);
            }
            case 10 -> {
                Place other = HostileValues.pick(places(tree), random);
                JsonNode moved = other.value().deepCopy();
                place.set(moved);
            }
            default -> add(place, random);
        }
    }

    private void repeat(Place place, JsonNode value, Random random) {
        switch (place.parent()) {
            case ObjectNode object ->
                object.set(TWICE + place.key(), random.nextBoolean() ? value.deepCopy() : HostileValues.any(random));
            case ArrayNode array -> {
                for (int i = random.nextInt(20); i >= 0; i--) {
                    array.add(value.deepCopy());
                }
            }
            default -> throw new IllegalStateException("no container");
        }
    }

    private void rename(Place place, JsonNode value, Random random) {
        if (place.parent() instanceof ObjectNode object) {
            object.remove(place.key());
            object.set(key(random), value);
        } else {
            place.remove();
        }
    }

    private void add(Place place, Random random) {
        if (place.parent() instanceof ObjectNode object) {
            object.set(key(random), random.nextBoolean() ? part(random) : HostileValues.any(random));
        } else {
            place.set(part(random));
        }
    }

    private String key(Random random) {
        return keys.isEmpty() || random.nextInt(8) == 0
                ? HostileValues.text(random).textValue()
                : HostileValues.pick(keys, random);
    }

    private JsonNode part(Random random) {
        List<Place> places = places(HostileValues.pick(seeds, random));
        return places.isEmpty()
                ? HostileValues.any(random)
                : HostileValues.pick(places, random).value().deepCopy();
    }

    private static List<Place> places(JsonNode tree) {
        List<Place> places = new ArrayList<>();
        collect(tree, places);
        return places;
    }

    private static void collect(JsonNode node, List<Place> places) {
        switch (node) {
            case ObjectNode object ->
                object.fieldNames().forEachRemaining(key -> {
                    places.add(new Place(object, key, 0));
                    collect(object.get(key), places);
                });
            case ArrayNode array -> {
                for (int i = 0; i < array.size(); i++) {
                    places.add(new Place(array, "", i));
                    collect(array.get(i), places);
                }
            }
            default -> {}
        }
    }

    private static String text(JsonNode tree) {
        try {
            return MAPPER.writeValueAsString(tree).replace(TWICE, "");
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
