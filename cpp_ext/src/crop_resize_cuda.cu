// The kernel: a block makes one tile of one window, phase by phase.
#include "blend.hpp"
#include "crop_resize_cuda.hpp"

namespace piza::cuda {

namespace {

constexpr std::ptrdiff_t kMostLayers = 65535;  // of a grid's third axis

template <bool kWords, typename T>
__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    crop_resize_tile(const Job job, T* out) {
    __shared__ Tile tile;
    const int thread = static_cast<int>(threadIdx.x);
    const Place place{static_cast<int>(blockIdx.x) * kTile, static_cast<int>(blockIdx.y) * kTile,
                      static_cast<int>(blockIdx.z)};
    place_window(tile, job, place, thread);
    __syncthreads();
    place_taps(tile, place, thread);
    __syncthreads();
    Quad sums[kChannels] = {};
    for (int chunk = tile.low; chunk < tile.high; chunk += kChunkPixels) {
        blend_rows<kWords>(tile, job, chunk, thread);
        __syncthreads();
        blend_columns(tile, chunk, thread, sums);
        __syncthreads();
    }
    exchange(tile, thread, sums);
    __syncthreads();
    write(tile, job, place, thread, out);
}

// Has the driver load one form of the kernel, which it puts off otherwise until the first launch.
template <bool kWords, typename T>
bool load() noexcept {
    cudaFuncAttributes attributes{};
    const auto* kernel = reinterpret_cast<const void*>(&crop_resize_tile<kWords, T>);
    const bool found = cudaFuncGetAttributes(&attributes, kernel) == cudaSuccess;
    if (!found) cudaGetLastError();
    return found;
}

}  // namespace

template <typename T>
void crop_resize(const Frame& frame, const Windows& windows, int out_height, int out_width,
                 const Planes& planes, T* out, cudaStream_t stream) {
    const auto kernel = has_words(frame) ? crop_resize_tile<true, T> : crop_resize_tile<false, T>;
    const auto tiles = [](int size) { return static_cast<unsigned>((size + kTile - 1) / kTile); };
    const std::ptrdiff_t step = static_cast<std::ptrdiff_t>(kChannels) * out_height * out_width;
    for (std::ptrdiff_t first = 0; first < windows.count; first += kMostLayers) {
        const std::ptrdiff_t rest = windows.count - first;
        const auto layers = static_cast<unsigned>(rest < kMostLayers ? rest : kMostLayers);
        const Job job{frame, windows.xyxy + 4 * first, out_height, out_width, planes};
        const dim3 grid(tiles(out_width), tiles(out_height), layers);
        kernel<<<grid, kThreads, 0, stream>>>(job, out + first * step);
        check(cudaGetLastError(), "launch of crop_resize");
    }
}

bool usable() noexcept {
    return load<true, float>() && load<false, float>() && load<true, Half>() &&
           load<false, Half>();
}

template void crop_resize(const Frame&, const Windows&, int, int, const Planes&, float*,
                          cudaStream_t);
template void crop_resize(const Frame&, const Windows&, int, int, const Planes&, Half*,
                          cudaStream_t);

}  // namespace piza::cuda
