package io.github.steelyard.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/// The part of oneDNN's C interface that [OneDnnGemm] and [Bf16x3Gemm] use. Constants are those of `dnnl_types.h`,
/// version 3.
final class OneDnn {

    static final int ARG_SOURCE = 1;
    static final int ARG_WEIGHTS = 33;
    static final int ARG_TARGET = 17;
    static final int ARG_SCRATCHPAD = 80;

    /// `dnnl_exec_arg_t`: an int and a pointer.
    static final long ARGUMENT_BYTES = 16;

    private static final int CPU = 1;
    private static final int IN_ORDER = 1;
    private static final int BF16 = 2;
    private static final int F32 = 3;
    private static final int U8 = 6;
    private static final int TAG_BA16A64B = 506;
    private static final int TAG_BA16A64B2A = 384;
    private static final int QUERY_IMPLEMENTATION = 8;
    private static final int QUERY_SCRATCHPAD = 136;
    private static final int SCRATCHPAD_OF_USER = 1;

    private static final long VERSION_BYTES = 32;
    private static final int NAME_BYTES = 256;

    private final Linker linker = Linker.nativeLinker();
    private final SymbolLookup symbols;
    private final MethodHandle setThreads;
    private final MethodHandle setDataHandle;
    private final MethodHandle execute;
    private final MemorySegment engine;
    private final String version;

    OneDnn(SymbolLookup symbols) {
        this.symbols = symbols;
        setThreads =
                linker.downcallHandle(symbols.findOrThrow("omp_set_num_threads"), FunctionDescriptor.ofVoid(JAVA_INT));
        setDataHandle = handle("dnnl_memory_set_data_handle", ADDRESS, ADDRESS);
        execute = handle("dnnl_primitive_execute", ADDRESS, ADDRESS, JAVA_INT, ADDRESS);
        engine = create("dnnl_engine_create", handle("dnnl_engine_create", ADDRESS, JAVA_INT, JAVA_LONG), CPU, 0L);
        version = readVersion();
    }

    /// Returns the library's version, for example `3.11.0`.
    String version() {
        return version;
    }

    /// Makes oneDNN run in the calling thread alone; the setting belongs to the thread.
    void useOneThread() {
        try {
            setThreads.invokeExact(1);
        } catch (Throwable e) {
            throw failed("omp_set_num_threads", e);
        }
    }

    /// What `A` and the weights are made of; `C` is float32.
    enum Operands {
        /// Float32, weights in the layout `BA16a64b`: panels of 64 output features, each `(k rounded up to 16, 64)`.
        F32(OneDnn.F32, TAG_BA16A64B),
        /// BF16, weights in the layout `BA16a64b2a`: panels of 64 output features, each
        /// `(k rounded up to 32, divided by 2, 64, 2)`, pairs of input features side by side.
        BF16(OneDnn.BF16, TAG_BA16A64B2A);

        private final int type;
        private final int tag;

        Operands(int type, int tag) {
            this.type = type;
            this.tag = tag;
        }
    }

    /// A compiled matrix product `(m, k) x (k, n)` of some [Operands]. May run in several threads at once.
    ///
    /// @param primitive the compiled code
    /// @param source descriptor of `A`, dense
    /// @param weights descriptor of the weights
    /// @param target descriptor of `C`, dense
    /// @param scratchpad descriptor of the scratch memory that each execution needs
    /// @param scratchpadBytes its size
    /// @param implementation oneDNN's name of the kernel
    record Product(
            MemorySegment primitive,
            MemorySegment source,
            MemorySegment weights,
            MemorySegment target,
            MemorySegment scratchpad,
            long scratchpadBytes,
            String implementation) {}

    /// Compiles a product. Never released: their number is bounded by the shapes of one model.
    ///
    /// @throws IllegalStateException if oneDNN has no kernel for it on this machine
    Product product(Operands operands, int m, int n, int k) {
        try (Arena arena = Arena.ofConfined()) {
            useOneThread();
            MethodHandle strided =
                    handle("dnnl_memory_desc_create_with_strides", ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS);
            MethodHandle tagged =
                    handle("dnnl_memory_desc_create_with_tag", ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);
            MemorySegment source =
                    create("descriptor", strided, 2, longs(arena, m, k), operands.type, longs(arena, k, 1));
            MemorySegment target = create("descriptor", strided, 2, longs(arena, m, n), F32, longs(arena, n, 1));
            MemorySegment weights = create("descriptor", tagged, 2, longs(arena, k, n), operands.type, operands.tag);
            MemorySegment attributes = create("attributes", handle("dnnl_primitive_attr_create", ADDRESS));
            check(
                    "dnnl_primitive_attr_set_scratchpad_mode",
                    handle("dnnl_primitive_attr_set_scratchpad_mode", ADDRESS, JAVA_INT),
                    attributes,
                    SCRATCHPAD_OF_USER);
            MethodHandle describe = handle(
                    "dnnl_matmul_primitive_desc_create", ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
            MemorySegment description = create(
                    String.format(Locale.ROOT, "%s matmul (%d, %d) x (%d, %d)", operands, m, k, k, n),
                    describe,
                    engine,
                    source,
                    weights,
                    MemorySegment.NULL,
                    target,
                    attributes);
            long scratchpadBytes = scratchpadBytes(description);
            MemorySegment scratchpad =
                    create("descriptor", strided, 1, longs(arena, Math.max(1, scratchpadBytes)), U8, longs(arena, 1));
            String implementation = implementation(arena, description);
            MemorySegment primitive =
                    create("primitive", handle("dnnl_primitive_create", ADDRESS, ADDRESS), description);
            release("dnnl_primitive_desc_destroy", description);
            release("dnnl_primitive_attr_destroy", attributes);
            return new Product(primitive, source, weights, target, scratchpad, scratchpadBytes, implementation);
        }
    }

    /// Returns a stream of work, for one thread.
    MemorySegment stream() {
        return create("stream", handle("dnnl_stream_create", ADDRESS, ADDRESS, JAVA_INT), engine, IN_ORDER);
    }

    /// Returns a memory object of this descriptor, whose data is set later.
    MemorySegment memory(MemorySegment descriptor) {
        return create(
                "memory",
                handle("dnnl_memory_create", ADDRESS, ADDRESS, ADDRESS, ADDRESS),
                descriptor,
                engine,
                MemorySegment.NULL);
    }

    /// Releases what [#stream] returned.
    void releaseStream(MemorySegment stream) {
        release("dnnl_stream_destroy", stream);
    }

    /// Releases what [#memory] returned.
    void releaseMemory(MemorySegment memory) {
        release("dnnl_memory_destroy", memory);
    }

    /// Lets a memory object stand for the data at this off-heap address.
    void setData(MemorySegment memory, MemorySegment data) {
        int status;
        try {
            status = (int) setDataHandle.invokeExact(memory, data);
        } catch (Throwable e) {
            throw failed("dnnl_memory_set_data_handle", e);
        }
        checkStatus("dnnl_memory_set_data_handle", status);
    }

    /// Runs a product in the calling thread.
    ///
    /// @param arguments `count` of `dnnl_exec_arg_t`
    void execute(Product product, MemorySegment stream, int count, MemorySegment arguments) {
        int status;
        try {
            status = (int) execute.invokeExact(product.primitive(), stream, count, arguments);
        } catch (Throwable e) {
            throw failed("dnnl_primitive_execute", e);
        }
        checkStatus("dnnl_primitive_execute", status);
    }

    private long scratchpadBytes(MemorySegment description) {
        try {
            MethodHandle query = linker.downcallHandle(
                    symbols.findOrThrow("dnnl_primitive_desc_query_md"),
                    FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT, JAVA_INT));
            MethodHandle size = linker.downcallHandle(
                    symbols.findOrThrow("dnnl_memory_desc_get_size"), FunctionDescriptor.of(JAVA_LONG, ADDRESS));
            MemorySegment descriptor = (MemorySegment) query.invokeExact(description, QUERY_SCRATCHPAD, 0);
            return descriptor.address() == 0 ? 0 : (long) size.invokeExact(descriptor);
        } catch (Throwable e) {
            throw failed("dnnl_primitive_desc_query_md", e);
        }
    }

    private String implementation(Arena arena, MemorySegment description) {
        MemorySegment name = arena.allocate(ADDRESS);
        check(
                "dnnl_primitive_desc_query",
                handle("dnnl_primitive_desc_query", ADDRESS, JAVA_INT, JAVA_INT, ADDRESS),
                description,
                QUERY_IMPLEMENTATION,
                0,
                name);
        return name.get(ADDRESS, 0).reinterpret(NAME_BYTES).getString(0, StandardCharsets.US_ASCII);
    }

    private String readVersion() {
        try {
            MethodHandle query =
                    linker.downcallHandle(symbols.findOrThrow("dnnl_version"), FunctionDescriptor.of(ADDRESS));
            MemorySegment found = ((MemorySegment) query.invokeExact()).reinterpret(VERSION_BYTES);
            return String.format(
                    Locale.ROOT,
                    "%d.%d.%d",
                    found.getAtIndex(JAVA_INT, 0),
                    found.getAtIndex(JAVA_INT, 1),
                    found.getAtIndex(JAVA_INT, 2));
        } catch (Throwable e) {
            throw failed("dnnl_version", e);
        }
    }

    private MethodHandle handle(String function, MemoryLayout... parameters) {
        return linker.downcallHandle(symbols.findOrThrow(function), FunctionDescriptor.of(JAVA_INT, parameters));
    }

    // Calls a function that puts the new object where its first argument points.
    private MemorySegment create(String what, MethodHandle function, Object... arguments) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(ADDRESS);
            Object[] all = new Object[arguments.length + 1];
            all[0] = result;
            System.arraycopy(arguments, 0, all, 1, arguments.length);
            check(what, function, all);
            return result.get(ADDRESS, 0);
        }
    }

    private void release(String function, MemorySegment object) {
        check(function, handle(function, ADDRESS), object);
    }

    private static void check(String what, MethodHandle function, Object... arguments) {
        try {
            checkStatus(what, (int) function.invokeWithArguments(arguments));
        } catch (IllegalStateException e) {
            throw e;
        } catch (Throwable e) {
            throw failed(what, e);
        }
    }

    private static void checkStatus(String what, int status) {
        if (status != 0) {
            throw new IllegalStateException(
                    String.format(Locale.ROOT, "oneDNN: %s failed with status %d", what, status));
        }
    }

    private static IllegalStateException failed(String what, Throwable cause) {
        return new IllegalStateException("oneDNN: %s could not be called".formatted(what), cause);
    }

    private static MemorySegment longs(Arena arena, long... values) {
        return arena.allocateFrom(ValueLayout.JAVA_LONG, values);
    }
}
