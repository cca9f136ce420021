package io.github.steelyard.kernel;

final class VectorKernelsTest extends KernelsContract {

    @Override
    Kernels kernels() {
        return VectorKernels.fastest();
    }
}
