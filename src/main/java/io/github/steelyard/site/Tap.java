package io.github.steelyard.site;

import java.util.List;

/// The port through which the tensors of a forward pass are watched or altered.
///
/// Several worker threads call a tap at once, each for rows of its own; the calls come in no particular order. A tap
/// must therefore be thread-safe and its result independent of that order.
public interface Tap {

    /// The tap that does nothing.
    Tap NONE = new Tap() {
        @Override
        public void rows(List<Site> sites, RowSource source, float[] values, int offset, int rows, int columns) {}

        @Override
        public boolean watches(Role role) {
            return false;
        }
    };

    /// Sees `rows` rows of `columns` values each, dense and row-major in `values` from `offset` on. An altering tap
    /// writes the values that the module shall use in place.
    ///
    /// @param sites the sites that share these rows, for example the inputs of q, k and v
    /// @param source where these rows come from
    void rows(List<Site> sites, RowSource source, float[] values, int offset, int rows, int columns);

    /// Hears that a layer begins; no worker is at work.
    default void layerBegins(int layer) {}

    /// Hears that a layer has ended, all of its rows having been shown; no worker is at work.
    default void layerEnds(int layer) {}

    /// Returns whether a layer that has ended is to be run once more, from the same input, its output taking the place
    /// of the first. No worker is at work.
    default boolean repeats(int layer) {
        return false;
    }

    /// Hears that a layer has been run once more.
    default void layerRepeated(int layer) {}

    /// Returns whether this tap wants to see sites of `role` at all; what it does not watch is not computed for it.
    /// Outputs are watched by few.
    default boolean watches(Role role) {
        return role != Role.OUTPUT;
    }

    /// Returns whether [#rows] may change the values, so that the caller keeps a copy where others need the originals.
    default boolean alters() {
        return false;
    }

    /// Returns whether what this tap makes of rows depends on which of them are shown together, as sums of products do.
    /// Then they are cut alike whatever the number of workers.
    default boolean sums() {
        return false;
    }

    /// Splits sites that share an input into groups that this tap treats alike. One group unless a tap alters the
    /// input of some differently from others.
    default List<List<Site>> partition(List<Site> sites) {
        return List.of(sites);
    }
}
