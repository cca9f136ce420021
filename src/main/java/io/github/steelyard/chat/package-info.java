/// Chats as data: the forms that they are kept in, and the template of a checkpoint that makes text of them.
@NullMarked
package io.github.steelyard.chat;

import org.jspecify.annotations.NullMarked;
