package io.github.steelyard.kernel;

final class ReferenceKernelsTest extends KernelsContract {

    @Override
    Kernels kernels() {
        return Kernels.reference();
    }
}
