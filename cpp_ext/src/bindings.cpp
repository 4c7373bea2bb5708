// Python face of crop_resize: everything that comes from Python is checked here, so that a wrong
// argument is an exception which names what was expected and what was found, never a crash.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <array>
#include <cmath>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "crop_resize.hpp"

namespace py = pybind11;

namespace {

constexpr int kLargestSide = 16384;        // of the output
constexpr double kWindowTolerance = 1e-3;  // pixels by which a window may leave the frame

std::string text(const py::handle& object) { return py::str(object).cast<std::string>(); }

std::string type_name(const py::handle& object) {
    return text(py::type::handle_of(object).attr("__name__"));
}

std::string describe(const py::array& array) {
    return text(array.dtype()) + " array of shape " + text(array.attr("shape"));
}

py::array as_array(const py::object& object, const char* expected) {
    if (!py::isinstance<py::array>(object)) {
        throw py::type_error(std::string(expected) + ", found " + type_name(object));
    }
    return py::reinterpret_borrow<py::array>(object);
}

bool has_flags(const py::array& array, int flags) { return (array.flags() & flags) == flags; }

piza::Frame read_frame(const py::object& object) {
    constexpr const char* kExpected = "frame: expected a uint8 array of shape (h, w, 3)";
    const py::array array = as_array(object, kExpected);
    if (!py::isinstance<py::array_t<std::uint8_t>>(array)) {
        throw py::type_error(std::string(kExpected) + ", found " + describe(array));
    }
    if (array.ndim() != 3 || array.shape(2) != piza::kChannels || array.shape(0) < 1 ||
        array.shape(1) < 1) {
        throw py::value_error(std::string(kExpected) + ", h and w at least 1, found " +
                              describe(array));
    }
    return {static_cast<const std::uint8_t*>(array.data()),
            array.shape(0),
            array.shape(1),
            array.strides(0),
            array.strides(1),
            array.strides(2)};
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
    const bool inside = window.x1 >= -kWindowTolerance && window.y1 >= -kWindowTolerance &&
                        window.x2 <= static_cast<double>(frame.width) + kWindowTolerance &&
                        window.y2 <= static_cast<double>(frame.height) + kWindowTolerance;
    if (finite && inside && window.x1 < window.x2 && window.y1 < window.y2) return;
    std::ostringstream message;
    message.precision(9);
    message << "windows[" << index << "]: expected finite xyxy with 0 <= x1 < x2 <= "
            << frame.width << " and 0 <= y1 < y2 <= " << frame.height << ", found (" << window.x1
            << ", " << window.y1 << ", " << window.x2 << ", " << window.y2 << ")";
    throw py::value_error(message.str());
}

std::vector<piza::Window> read_windows(const py::object& object, const piza::Frame& frame) {
    constexpr const char* kExpected = "windows: expected a float32 or float64 array of shape (n, 4)";
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

// The items of a sequence of exactly `count`, or the error of whoever calls.
py::object read_items(const py::object& object, py::ssize_t count, const std::string& expected) {
    const auto fast = py::reinterpret_steal<py::object>(PySequence_Fast(object.ptr(), ""));
    if (!fast || py::isinstance<py::str>(object) || py::isinstance<py::bytes>(object)) {
        PyErr_Clear();
        throw py::type_error(expected + ", found " + type_name(object));
    }
    if (PySequence_Fast_GET_SIZE(fast.ptr()) != count) {
        throw py::value_error(expected + ", found " + text(py::repr(object)));
    }
    return fast;
}

std::array<int, 2> read_size(const py::object& object) {
    const std::string expected = "size: expected two integers (H, W) of 1 to " +
                                 std::to_string(kLargestSide);
    const py::object items = read_items(object, 2, expected);
    std::array<int, 2> size{};
    for (py::ssize_t i = 0; i < 2; ++i) {
        PyObject* item = PySequence_Fast_GET_ITEM(items.ptr(), i);
        if (!PyIndex_Check(item) || PyBool_Check(item)) {
            throw py::type_error(expected + ", found " + text(py::repr(object)));
        }
        const py::ssize_t value = PyNumber_AsSsize_t(item, nullptr);  // clips what is too large
        if (value == -1 && PyErr_Occurred()) throw py::error_already_set();
        if (value < 1 || value > kLargestSide) {
            throw py::value_error(expected + ", found " + text(py::repr(object)));
        }
        size[i] = static_cast<int>(value);
    }
    return size;
}

std::array<double, 3> read_channels(const py::object& object, const char* name, bool positive) {
    const std::string expected = std::string(name) + ": expected three finite " +
                                 (positive ? "positive " : "") + "numbers (R, G, B)";
    const py::object items = read_items(object, piza::kChannels, expected);
    std::array<double, 3> values{};
    for (py::ssize_t i = 0; i < piza::kChannels; ++i) {
        values[i] = PyFloat_AsDouble(PySequence_Fast_GET_ITEM(items.ptr(), i));
        if (PyErr_Occurred()) {
            PyErr_Clear();
            throw py::type_error(expected + ", found " + text(py::repr(object)));
        }
        if (!std::isfinite(values[i]) || (positive && values[i] <= 0.0)) {
            throw py::value_error(expected + ", found " + text(py::repr(object)));
        }
    }
    return values;
}

piza::Planes read_planes(const py::object& mean_object, const py::object& std_object,
                         const py::object& color) {
    const std::array<double, 3> mean = read_channels(mean_object, "mean", false);
    const std::array<double, 3> deviation = read_channels(std_object, "std", true);
    const std::string order = py::isinstance<py::str>(color) ? color.cast<std::string>() : "";
    if (order != "bgr" && order != "rgb") {
        throw py::value_error("color: expected 'bgr' or 'rgb', found " + text(py::repr(color)));
    }
    piza::Planes planes{};
    for (int p = 0; p < piza::kChannels; ++p) {
        planes.source[p] = order == "rgb" ? p : piza::kChannels - 1 - p;
        planes.scale[p] = static_cast<float>(1.0 / deviation[p]);
        planes.bias[p] = static_cast<float>(-mean[p] / deviation[p]);
    }
    return planes;
}

// Whether the bytes of the frame and of the output share memory.
bool overlaps(const piza::Frame& frame, const py::array& out) {
    auto low = reinterpret_cast<std::intptr_t>(frame.data);
    std::intptr_t high = low + 1;
    const std::array<std::ptrdiff_t, 3> spans = {(frame.height - 1) * frame.row_stride,
                                                 (frame.width - 1) * frame.pixel_stride,
                                                 2 * frame.channel_stride};
    for (const std::ptrdiff_t span : spans) (span < 0 ? low : high) += span;
    const auto out_low = reinterpret_cast<std::intptr_t>(out.data());
    return low < out_low + static_cast<std::intptr_t>(out.nbytes()) && out_low < high;
}

py::array_t<float> read_out(const py::object& object, py::ssize_t count,
                            const std::array<int, 2>& size, const piza::Frame& frame) {
    const std::vector<py::ssize_t> shape = {count, piza::kChannels, size[0], size[1]};
    if (object.is_none()) return py::array_t<float>(shape);
    std::ostringstream message;
    message << "out: expected a writeable C-contiguous float32 array of shape (" << count << ", "
            << piza::kChannels << ", " << size[0] << ", " << size[1] << ")";
    const std::string expected = message.str();
    const py::array array = as_array(object, expected.c_str());
    if (!py::isinstance<py::array_t<float>>(array)) {
        throw py::type_error(expected + ", found " + describe(array));
    }
    const bool same_shape = array.ndim() == 4 &&
                            std::equal(shape.begin(), shape.end(), array.shape());
    using py::detail::npy_api;
    if (!same_shape || !array.writeable() ||
        !has_flags(array, npy_api::NPY_ARRAY_C_CONTIGUOUS_ | npy_api::NPY_ARRAY_ALIGNED_)) {
        throw py::value_error(expected + ", found " + (array.writeable() ? "" : "read-only ") +
                              describe(array) + " with strides " + text(array.attr("strides")));
    }
    if (overlaps(frame, array)) {
        throw py::value_error(expected + " that shares no memory with the frame, found one that does");
    }
    return py::reinterpret_borrow<py::array_t<float>>(array);
}

py::array_t<float> crop_resize(const py::object& frame_object, const py::object& windows_object,
                               const py::object& size_object, const py::object& mean,
                               const py::object& deviation, const py::object& color,
                               const py::object& out_object) {
    const piza::Frame frame = read_frame(frame_object);
    const std::vector<piza::Window> windows = read_windows(windows_object, frame);
    const std::array<int, 2> size = read_size(size_object);
    const piza::Planes planes = read_planes(mean, deviation, color);
    const auto count = static_cast<py::ssize_t>(windows.size());
    py::array_t<float> out = read_out(out_object, count, size, frame);

    float* target = out.mutable_data();
    const std::size_t step = static_cast<std::size_t>(piza::kChannels) * size[0] * size[1];
    {
        const py::gil_scoped_release release;
        piza::Scratch scratch;
        for (const piza::Window& window : windows) {
            piza::crop_resize(frame, window, size[0], size[1], planes, target, scratch);
            target += step;
        }
    }
    return out;
}

constexpr const char* kDoc = R"(Crop windows out of a frame and make them network input, in one pass.

Each window is resized by an antialiased bilinear filter (the one of torch's
``interpolate(mode="bilinear", antialias=True, align_corners=False)``), fitted to ``size`` by the
letterbox rule, turned to RGB, normalised and laid out in planes.

Letterbox: with ``s = min(W / w, H / h)`` the content measures ``floor(s * w + 0.5)`` by
``floor(s * h + 0.5)`` pixels, clipped to 1..W and 1..H, its left edge at ``(W - content_w) // 2``
and its top edge at ``(H - content_h) // 2``. Content pixel ``j`` samples the frame at
``x1 + (j + 0.5) * w / content_w``. Everything else is 0: the mean colour. Only pixels that
overlap the window are read.

Args:
    frame: uint8 (h, w, 3), any strides.
    windows: float32 or float64 (n, 4), xyxy in frame pixels (pixel i covers [i, i + 1)),
        fractions allowed, inside of the frame up to 0.001 pixels, of positive size; n may be 0.
    size: (H, W) of the network input, each 1 to 16384.
    mean: three numbers in R, G, B order, in units of 0..255.
    std: three positive numbers in R, G, B order, in units of 0..255.
    color: order of the frame's channels, "bgr" or "rgb".
    out: float32 (n, 3, H, W) to write into, C-contiguous, apart from the frame; None makes one.

Returns:
    float32 (n, 3, H, W): ``(value - mean) / std``, planes in R, G, B order; ``out`` if given.

Raises:
    TypeError: an argument of the wrong type or dtype.
    ValueError: a wrong shape or value. Both say what was expected and what was found.

The global interpreter lock is released while pixels are computed: nobody may write to the frame
meanwhile.)";

}  // namespace

PYBIND11_MODULE(_core, module) {
    module.doc() = "Crop, resize and normalise in one pass.";
    module.def("crop_resize", &crop_resize, kDoc, py::arg("frame"), py::arg("windows"),
               py::arg("size"), py::arg("mean"), py::arg("std"), py::arg("color") = "bgr",
               py::arg("out") = py::none());
}
