// The kernel on the CPU: filters as tables, rows of output shared out among threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "crop_resize_rows.hpp"

namespace piza {

// The network's input: windows x 3 x height x width, T float or Half.
template <typename T>
struct Output {
    T* data;
    int height, width;
};

// Buffers of a call, which the next call uses again: once they have grown, nothing is allocated
// but what the system needs for a thread.
class Scratch {
public:
    // Fill the output with what each window shows. Every window is finite, has a positive size and
    // lies in the frame up to a small tolerance; the caller has checked it. `threads`: how many at
    // most, 0 for as many as pay. Throws std::bad_alloc.
    template <typename T>
    void crop_resize(const Frame& frame, const Window* windows, std::size_t count,
                     const Planes& planes, const Output<T>& output, int threads);

private:
    double plan(const Frame& frame, const Window* windows, std::size_t count, int out_height,
                int out_width);

    template <typename T>
    static void run(const Frame& frame, const std::vector<Plan>& plans, const Planes& planes,
                    const Output<T>& output, Worker& worker, std::size_t begin, std::size_t end);

    std::vector<Plan> plans_;
    std::vector<Worker> workers_;
};

}  // namespace piza
