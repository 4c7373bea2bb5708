#include "crop_resize_cpu.hpp"

#include <algorithm>
#include <exception>
#include <thread>

namespace piza {

namespace {

// What one core needs, roughly and as measured; only the number of threads depends on it.
constexpr double kNsPerSourceByte = 0.045, kNsPerOutputPixel = 0.6;
constexpr double kNsWorthAThread = 100e3;  // starting one takes a fraction of it
constexpr int kMostThreads = 16;
constexpr std::size_t kMostWindows = 32;  // whose tables are kept at a time

int useful_threads(double nanoseconds, std::size_t rows, int wanted) {
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    const int most = wanted > 0 ? wanted : std::min(std::max(cores, 1), kMostThreads);
    const int paid = bounded(nanoseconds / kNsWorthAThread, 1, most);
    return static_cast<int>(std::min(static_cast<std::size_t>(paid), rows));
}

// work(k) for k in [0, count), each in a thread of its own; what gets no thread is done here.
template <typename Work>
void in_threads(std::size_t count, const Work& work) {
    std::vector<std::thread> threads;
    threads.reserve(count - 1);
    std::size_t started = 1;  // this thread does its share
    try {
        for (; started < count; ++started) threads.emplace_back(work, started);
    } catch (const std::exception&) {  // no more threads, or no memory for one
    }
    for (std::size_t k = started; k < count; ++k) work(k);
    work(0);
    for (std::thread& thread : threads) thread.join();
}

// Have the memory of a row at hand before it is written: what is not in the cache is read first.
template <typename T>
void fetch_row(const T* row, std::size_t length) {
#if defined(__GNUC__)
    for (std::size_t k = 0; k < length; k += kCacheLine / sizeof(T)) __builtin_prefetch(row + k, 1);
#else
    static_cast<void>(row), static_cast<void>(length);
#endif
}

// Whether a row of output has more bytes than what is read for it.
template <typename T>
bool writes_more(const Plan& plan, std::size_t width) {
    const std::size_t read = plan.row_bytes() * plan.vertical.length();
    return kChannels * width * sizeof(T) * static_cast<std::size_t>(plan.content.height) > read;
}

}  // namespace

// Rows [begin, end) of the output, counted over all windows.
template <typename T>
void Scratch::run(const Frame& frame, const std::vector<Plan>& plans, const Planes& planes,
                  const Output<T>& output, Worker& worker, std::size_t begin, std::size_t end) {
    const auto height = static_cast<std::size_t>(output.height);
    const auto width = static_cast<std::size_t>(output.width);
    for (std::size_t at = begin; at < end; ++at) {
        const std::size_t window = at / height, y = at % height;
        const Plan& plan = plans[window];
        const Content& content = plan.content;
        T* const target = output.data + (window * kChannels * height + y) * width;
        const int i = static_cast<int>(y) - content.top;
        const bool bar = i < 0 || i >= content.height;
        const bool fetches = at + 1 < end && writes_more<T>(plan, width);
        const bool grows = plan.vertical.enlarges;  // which fetches what is between the bars itself
        const std::size_t left = bar ? width : static_cast<std::size_t>(content.left);
        const std::size_t right = bar ? width : left + static_cast<std::size_t>(content.width);
        for (int p = 0; p < kChannels; ++p) {
            T* const line = target + p * height * width;
            std::fill(line, line + left, T{});
            std::fill(line + right, line + width, T{});
            if (!fetches || y + 1 == height) continue;
            fetch_row(line + width, grows ? left : width);
            if (grows) fetch_row(line + width + right, width - right);
        }
        if (at == begin || y == 0) worker.begin();
        if (!bar) worker.fill(frame, plan, i, planes, target + left, height * width, width);
    }
}

// The tables of some windows; returns about how long one core takes for them, in nanoseconds.
double Scratch::plan(const Frame& frame, const Window* windows, std::size_t count, int out_height,
                     int out_width) {
    double nanoseconds = 0.0;
    if (plans_.size() < count) plans_.resize(count);
    for (std::size_t n = 0; n < count; ++n) {
        const Window& window = windows[n];
        Plan& plan = plans_[n];
        plan.build(window, frame, out_height, out_width);
        const Content& content = plan.content;
        nanoseconds += kNsPerSourceByte * plan.row_bytes() * plan.vertical.length() +
                       kNsPerOutputPixel * content.width * content.height;
    }
    return nanoseconds;
}

template <typename T>
void Scratch::crop_resize(const Frame& frame, const Window* windows, std::size_t count,
                          const Planes& planes, const Output<T>& output, int threads) {
    const std::size_t window_size =
        static_cast<std::size_t>(kChannels) * output.height * output.width;
    Output<T> rest = output;
    while (count > 0) {
        const std::size_t group = std::min(count, kMostWindows);
        const double nanoseconds = plan(frame, windows, group, output.height, output.width);
        const std::size_t rows = group * static_cast<std::size_t>(output.height);
        const auto parts = static_cast<std::size_t>(useful_threads(nanoseconds, rows, threads));
        if (workers_.size() < parts) workers_.resize(parts);
        for (std::size_t k = 0; k < parts; ++k) {
            for (std::size_t n = 0; n < group; ++n) workers_[k].reserve(frame, plans_[n]);
        }
        in_threads(parts, [&](std::size_t k) {
            run(frame, plans_, planes, rest, workers_[k], rows * k / parts,
                rows * (k + 1) / parts);
        });
        rest.data += group * window_size;
        windows += group;
        count -= group;
    }
}

template void Scratch::crop_resize(const Frame&, const Window*, std::size_t, const Planes&,
                                   const Output<float>&, int);
template void Scratch::crop_resize(const Frame&, const Window*, std::size_t, const Planes&,
                                   const Output<Half>&, int);

}  // namespace piza
