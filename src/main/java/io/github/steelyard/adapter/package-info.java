/// LoRA adapters as PEFT stores them: what they adapt, and what they add to which product.
@NullMarked
package io.github.steelyard.adapter;

import org.jspecify.annotations.NullMarked;
