package io.github.steelyard.cli;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/// What is done with a changed input.
sealed interface Attempt {

    /// Commands, one after the other, as long as they give 0.
    record Commands(List<Object[]> words) implements Attempt {

        static Commands of(Object... words) {
            return new Commands(List.<Object[]>of(words));
        }

        @Override
        public String toString() {
            return words.stream().map(Arrays::toString).collect(Collectors.joining(", "));
        }
    }

    /// What a command does first, without the command: many times faster. What it throws is judged as a command's.
    record Call(String what, Action action) implements Attempt {

        @Override
        public String toString() {
            return what;
        }
    }

    /// Reads an input.
    interface Action {
        void run() throws Exception;
    }
}
