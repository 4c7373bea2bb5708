// The CUDA side of crop_resize: launches on a stream of the caller.
#pragma once

#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

#include "arithmetic.hpp"

namespace piza::cuda {

// A CUDA call failed; the message names the call and what CUDA says.
struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Throws `Error` unless the call succeeded, and takes the error off the runtime's record.
inline void check(cudaError_t status, const char* call) {
    if (status == cudaSuccess) return;
    cudaGetLastError();
    throw Error(std::string(call) + ": " + cudaGetErrorString(status));
}

// What is to be made of `count` windows: a float32 (count, 4) array in device memory. A window is
// clamped to the frame; where nothing is left of it, or it is not a number, its output is all 0.
struct Windows {
    const float* xyxy;
    std::ptrdiff_t count;
};

// Fill out (count, 3, height, width) on the stream. All pointers are to memory of the current
// device. Returns before the kernel has run; neither allocates nor waits, so that a CUDA graph can
// capture it, once the driver has loaded the kernel: `usable` has it do so, or a call before the
// capture. T is float or Half.
template <typename T>
void crop_resize(const Frame& frame, const Windows& windows, int out_height, int out_width,
                 const Planes& planes, T* out, cudaStream_t stream);

// Whether there is a device and the kernel was built for the current one, on which it makes a
// context and loads all forms of the kernel; never throws.
bool usable() noexcept;

extern template void crop_resize(const Frame&, const Windows&, int, int, const Planes&, float*,
                                 cudaStream_t);
extern template void crop_resize(const Frame&, const Windows&, int, int, const Planes&, Half*,
                                 cudaStream_t);

}  // namespace piza::cuda
