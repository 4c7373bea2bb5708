// Python face of the CPU kernel.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "arguments.hpp"
#include "crop_resize_cpu.hpp"
#include "crop_resize_loops.hpp"
#include "claims_bindings.hpp"
#include "history_bindings.hpp"
#include "jpeg.hpp"
#include "processor.hpp"

namespace py = pybind11;

namespace {

using piza::text;
using piza::type_name;

std::string describe(const py::array& array) {
    return text(array.dtype()) + " array of shape " + text(array.attr("shape"));
}

py::array as_array(const py::object& object, const std::string& expected) {
    if (!py::isinstance<py::array>(object)) {
        throw py::type_error(expected + ", found " + type_name(object));
    }
    return py::reinterpret_borrow<py::array>(object);
}

py::array as_bytes(const py::object& object, const std::string& expected) {
    const py::array array = as_array(object, expected);
    if (!py::isinstance<py::array_t<std::uint8_t>>(array)) {
        throw py::type_error(expected + ", found " + describe(array));
    }
    for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
        if (array.shape(axis) < 1 || array.shape(axis) > piza::kLargestFrameSide) {
            throw py::value_error(expected + " with at least 1 and at most " +
                                  std::to_string(piza::kLargestFrameSide) +
                                  " elements in each axis, found " + describe(array));
        }
    }
    return array;
}

bool has_flags(const py::array& array, int flags) { return (array.flags() & flags) == flags; }

const std::uint8_t* bytes_of(const py::array& array) {
    return static_cast<const std::uint8_t*>(array.data());
}

piza::Frame read_color_frame(const py::object& object) {
    constexpr const char* kExpected = "frame: expected a uint8 array of shape (h, w, 3)";
    const py::array array = as_bytes(object, kExpected);
    if (array.ndim() != 3 || array.shape(2) != piza::kChannels) {
        throw py::value_error(std::string(kExpected) + ", found " + describe(array));
    }
    return {bytes_of(array),  array.shape(0),   array.shape(1),   array.strides(0),
            array.strides(1), array.strides(2), nullptr,          0};
}

piza::Frame read_gray_frame(const py::object& object) {
    constexpr const char* kExpected = "frame: expected a uint8 array of shape (h, w) for 'gray'";
    const py::array array = as_bytes(object, kExpected);
    if (array.ndim() != 2) {
        throw py::value_error(std::string(kExpected) + ", found " + describe(array));
    }
    return {bytes_of(array),  array.shape(0), array.shape(1), array.strides(0),
            array.strides(1), 0,              nullptr,        0};
}

piza::Frame read_nv12_frame(const py::object& object) {
    const std::string expected =
        "frame: expected for 'nv12' a uint8 array of shape (h * 3 / 2, w), or a tuple of luma"
        " (h, w) and chroma (h / 2, w / 2, 2), h and w even, all but the rows contiguous";
    const auto found = [&](const std::string& what) {
        return py::value_error(expected + ", found " + what);
    };
    if (!py::isinstance<py::tuple>(object)) {
        const py::array array = as_bytes(object, expected);
        if (array.ndim() != 2 || array.shape(0) % 3 != 0 || array.shape(1) % 2 != 0 ||
            array.strides(1) != 1) {
            throw found(describe(array) + " with strides " + text(array.attr("strides")));
        }
        const py::ssize_t height = array.shape(0) / 3 * 2, pitch = array.strides(0);
        return {bytes_of(array), height, array.shape(1), pitch, 1, 0,
                bytes_of(array) + height * pitch, pitch};
    }
    const auto planes = py::reinterpret_borrow<py::tuple>(object);
    if (planes.size() != 2) throw found("a tuple of " + std::to_string(planes.size()));
    const py::array luma = as_bytes(planes[0], expected), chroma = as_bytes(planes[1], expected);
    const bool fits = luma.ndim() == 2 && chroma.ndim() == 3 && luma.strides(1) == 1 &&
                      luma.shape(0) == 2 * chroma.shape(0) &&
                      luma.shape(1) == 2 * chroma.shape(1) && chroma.shape(2) == 2 &&
                      (chroma.strides(1) == 2 || chroma.shape(1) == 1) && chroma.strides(2) == 1;
    if (!fits) throw found(describe(luma) + " and " + describe(chroma));
    return {bytes_of(luma), luma.shape(0), luma.shape(1),    luma.strides(0), 1, 0,
            bytes_of(chroma), chroma.strides(0)};
}

piza::Frame read_frame(const py::object& object, piza::Color color) {
    switch (color) {
        case piza::Color::kGray: return read_gray_frame(object);
        case piza::Color::kNv12: return read_nv12_frame(object);
        default: return read_color_frame(object);
    }
}

template <typename T>
double element(const py::array& array, py::ssize_t row, py::ssize_t column) {
    T value;  // copied byte by byte: a view may be unaligned
    const char* base = static_cast<const char*>(array.data());
    std::memcpy(&value, base + row * array.strides(0) + column * array.strides(1), sizeof value);
    return static_cast<double>(value);
}

void check_window(const piza::Window& window, py::ssize_t index, const piza::Frame& frame) {
    const bool finite = std::isfinite(window.x1) && std::isfinite(window.y1) &&
                        std::isfinite(window.x2) && std::isfinite(window.y2);
    const double slack = piza::kWindowTolerance;
    const bool inside = window.x1 >= -slack && window.y1 >= -slack &&
                        window.x2 <= static_cast<double>(frame.width) + slack &&
                        window.y2 <= static_cast<double>(frame.height) + slack;
    if (finite && inside && window.x1 < window.x2 && window.y1 < window.y2) return;
    // Python's own formatting: a stream's crashes where libstdc++ is linked into this module and
    // another module has loaded a second one.
    const py::str message = py::str(
        "windows[{}]: expected finite xyxy with 0 <= x1 < x2 <= {} and 0 <= y1 < y2 <= {},"
        " found ({:.9g}, {:.9g}, {:.9g}, {:.9g})");
    throw py::value_error(text(message.format(index, frame.width, frame.height, window.x1,
                                              window.y1, window.x2, window.y2)));
}

std::vector<piza::Window> read_windows(const py::object& object, const piza::Frame& frame) {
    constexpr const char* kExpected =
        "windows: expected a float32 or float64 array of shape (n, 4)";
    const py::array array = as_array(object, kExpected);
    const bool single = py::isinstance<py::array_t<float>>(array);
    if (!single && !py::isinstance<py::array_t<double>>(array)) {
        throw py::type_error(std::string(kExpected) + ", found " + describe(array));
    }
    if (array.ndim() != 2 || array.shape(1) != 4) {
        throw py::value_error(std::string(kExpected) + ", found " + describe(array));
    }
    std::vector<piza::Window> windows;
    for (py::ssize_t i = 0; i < array.shape(0); ++i) {
        std::array<double, 4> xyxy{};
        for (py::ssize_t k = 0; k < 4; ++k) {
            xyxy[k] = single ? element<float>(array, i, k) : element<double>(array, i, k);
        }
        const piza::Window window{xyxy[0], xyxy[1], xyxy[2], xyxy[3]};
        check_window(window, i, frame);
        windows.push_back(window);
    }
    return windows;
}

int read_threads(const py::object& object) {
    const std::string expected = "threads: expected an integer of 0 (as many as pay) to 1024";
    if (!PyIndex_Check(object.ptr()) || PyBool_Check(object.ptr())) {
        throw py::type_error(expected + ", found " + text(py::repr(object)));
    }
    const py::ssize_t value = PyNumber_AsSsize_t(object.ptr(), nullptr);  // clips what is too large
    if (value == -1 && PyErr_Occurred()) throw py::error_already_set();
    if (value < 0 || value > 1024) {
        throw py::value_error(expected + ", found " + text(py::repr(object)));
    }
    return static_cast<int>(value);
}

bool shares_memory(const std::uint8_t* data, std::array<std::ptrdiff_t, 3> spans,
                   const py::array& out) {
    auto low = reinterpret_cast<std::intptr_t>(data);
    std::intptr_t high = low + 1;
    for (const std::ptrdiff_t span : spans) (span < 0 ? low : high) += span;
    const auto out_low = reinterpret_cast<std::intptr_t>(out.data());
    return low < out_low + static_cast<std::intptr_t>(out.nbytes()) && out_low < high;
}

bool shares_memory(const piza::Frame& frame, const py::array& out) {
    return shares_memory(frame.data,
                         {(frame.height - 1) * frame.row_stride,
                          (frame.width - 1) * frame.pixel_stride, 2 * frame.channel_stride},
                         out) ||
           (frame.chroma != nullptr &&
            shares_memory(frame.chroma,
                          {(frame.height / 2 - 1) * frame.chroma_row_stride, frame.width - 1, 0},
                          out));
}

py::array read_out(const py::object& object, py::ssize_t count, const std::array<int, 2>& size,
                   const piza::Frame& frame) {
    const std::vector<py::ssize_t> shape = {count, piza::kChannels, size[0], size[1]};
    if (object.is_none()) return py::array_t<float>(shape);
    const std::string expected =
        "out: expected a writeable C-contiguous float32 or float16 array of shape " +
        text(py::make_tuple(count, static_cast<int>(piza::kChannels), size[0], size[1]));
    const py::array array = as_array(object, expected);
    const bool half = array.dtype().equal(py::dtype("float16"));
    if (!half && !py::isinstance<py::array_t<float>>(array)) {
        throw py::type_error(expected + ", found " + describe(array));
    }
    const bool same_shape =
        array.ndim() == 4 && std::equal(shape.begin(), shape.end(), array.shape());
    using py::detail::npy_api;
    if (!same_shape || !array.writeable() ||
        !has_flags(array, npy_api::NPY_ARRAY_C_CONTIGUOUS_ | npy_api::NPY_ARRAY_ALIGNED_)) {
        throw py::value_error(expected + ", found " + (array.writeable() ? "" : "read-only ") +
                              describe(array) + " with strides " + text(array.attr("strides")));
    }
    if (shares_memory(frame, array)) {
        throw py::value_error(expected +
                              " that shares no memory with the frame, found one that does");
    }
    return array;
}

// Buffers live as long as the thread that calls, so that its next call allocates nothing.
template <typename T>
void run(const piza::Frame& frame, const std::vector<piza::Window>& windows,
         const piza::Planes& planes, T* data, const std::array<int, 2>& size, int threads) {
    thread_local piza::Scratch scratch;
    const py::gil_scoped_release release;
    scratch.crop_resize(frame, windows.data(), windows.size(), planes,
                        piza::Output<T>{data, size[0], size[1]}, threads);
}

py::array crop_resize(const py::object& frame_object, const py::object& windows_object,
                      const py::object& size_object, const py::object& mean,
                      const py::object& deviation, const py::object& color_object,
                      const py::object& out_object, const py::object& threads_object) {
    const piza::Color color = piza::read_color(color_object);
    const piza::Frame frame = read_frame(frame_object, color);
    const std::vector<piza::Window> windows = read_windows(windows_object, frame);
    const std::array<int, 2> size = piza::read_size(size_object);
    const piza::Planes planes = piza::read_planes(mean, deviation, color);
    const int threads = read_threads(threads_object);
    py::array out = read_out(out_object, static_cast<py::ssize_t>(windows.size()), size, frame);
    if (out.itemsize() == sizeof(piza::Half)) {
        run(frame, windows, planes, static_cast<piza::Half*>(out.mutable_data()), size, threads);
    } else {
        run(frame, windows, planes, static_cast<float*>(out.mutable_data()), size, threads);
    }
    return out;
}

constexpr const char* kDoc = R"(Crop windows out of a frame and make network input of them, in a pass.

Each window is resized by an antialiased bilinear filter (the one of torch's
``interpolate(mode="bilinear", antialias=True, align_corners=False)``), fitted to ``size`` by the
letterbox rule, turned to RGB, normalised and laid out in planes.

Letterbox: with ``s = min(W / w, H / h)`` the content measures ``floor(s * w + 0.5)`` by
``floor(s * h + 0.5)`` pixels, clipped to 1..W and 1..H, its left edge at ``(W - content_w) // 2``
and its top edge at ``(H - content_h) // 2``. Content pixel ``j`` samples the frame at
``x1 + (j + 0.5) * w / content_w``. Everything else is 0: the mean colour. Only pixels that
overlap the window are read.

Args:
    frame: uint8 (h, w, 3), any strides. For "gray" (h, w), any strides. For "nv12" the luma
        (h, w) above the chroma in one array (h * 3 / 2, w), or a tuple of luma (h, w) and chroma
        (h / 2, w / 2, 2), the rows any distance apart, h and w even. Packed rows of pixels
        (``strides[1:] == (3, 1)``) are the fastest.
    windows: float32 or float64 (n, 4), xyxy in frame pixels (pixel i covers [i, i + 1)),
        fractions allowed, inside of the frame up to 0.001 pixels, of positive size; n may be 0.
    size: (H, W) of the network input, each 1 to 16384.
    mean: three numbers in R, G, B order, in units of 0..255.
    std: three positive numbers in R, G, B order, in units of 0..255.
    color: what the frame holds: "bgr", "rgb", "gray" (three equal channels) or "nv12"
        (video-range YCbCr of ITU-R BT.601, each chroma pair standing for 2 x 2 pixels).
    out: float32 or float16 (n, 3, H, W) to write into, C-contiguous, apart from the frame; None
        makes a float32 one. With it a call allocates no memory for pixels.
    threads: how many at most; 0 takes as many as pay for what they cost to start.

Returns:
    (n, 3, H, W): ``(value - mean) / std``, planes in R, G, B order; ``out`` if given.

Raises:
    TypeError: an argument of the wrong type or dtype.
    ValueError: a wrong shape or value. Both say what was expected and what was found.

The global interpreter lock is released while pixels are computed: nobody may write to the frame
meanwhile, nor use ``out``. Threads may call at the same time. Results do not depend on the number
of threads.)";

py::object jpeg_fault(const py::bytes& data) {
    const auto view = static_cast<std::string_view>(data);
    const char* fault = nullptr;
    {
        const py::gil_scoped_release release;  // the caller's reference keeps the bytes
        fault = piza::jpeg_fault(reinterpret_cast<const std::uint8_t*>(view.data()), view.size());
    }
    return fault == nullptr ? py::none() : py::object(py::str(fault));
}

constexpr const char* kJpegDoc =
    R"(What is wrong with a JPEG, as the end of a sentence ("is truncated: ..."), or None.

Follows every Huffman code of its picture data, without making pixels. None stands for a picture
that is whole, with or without its end-of-image marker, and for what is not followed: arithmetic
coding, lossless files, and bytes that are no JPEG at all. Damage that leaves as many valid codes
as the picture needs, such as a changed bit of one coefficient, is not seen.

Args:
    data: the bytes of the file; those behind its end-of-image marker are not looked at.

Returns:
    The fault, or None.

Raises:
    TypeError: data are not bytes.

The global interpreter lock is released meanwhile.)";

}  // namespace

PYBIND11_MODULE(_core, module) {
    module.doc() = "Crop, resize and normalise in one pass; the box-history encoder; damaged JPEGs.";
    module.def("crop_resize", &crop_resize, kDoc, py::arg("frame"), py::arg("windows"),
               py::arg("size"), py::arg("mean"), py::arg("std"), py::arg("color") = "bgr",
               py::arg("out") = py::none(), py::arg("threads") = 0);
    module.def("jpeg_fault", &jpeg_fault, py::arg("data"), kJpegDoc);
    module.def("eight_bit_instructions", &piza::eight_bit_instructions,
               "The processor's widest instruction set for products of eight-bit numbers, by Linux's"
               " name for it; \"unknown\" where that cannot be told.");
    module.def("instruction_set", &piza::instruction_set,
               "What crop_resize's loops run with: \"avx512\", \"avx2\", or \"baseline\", which is"
               " SSE2 on x86 and NEON on ARM. $PIZA_ISA, read at the first call, forbids better ones.");
    piza::bind_history(module);
    piza::bind_claims(module);
}
