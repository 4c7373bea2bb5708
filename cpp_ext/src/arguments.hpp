// Arguments from Python that the CPU and the CUDA module share. Everything that comes from Python
// is checked, so that a wrong argument is an exception which names what was expected and what was
// found, never a crash.
#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <cmath>
#include <string>

#include "arithmetic.hpp"

namespace piza {

namespace py = pybind11;

constexpr int kLargestSide = 16384;        // of the output
constexpr int kLargestFrameSide = 1 << 20;  // what single precision sums well enough

enum class Color { kBgr, kRgb, kGray, kNv12 };

inline std::string text(const py::handle& object) { return py::str(object).cast<std::string>(); }

inline std::string type_name(const py::handle& object) {
    return text(py::type::handle_of(object).attr("__name__"));
}

// The items of a sequence of exactly `count`, or the error of whoever calls. A tuple of our own:
// an item's __index__ may change the sequence that it came from.
inline py::tuple read_items(const py::object& object, py::ssize_t count,
                            const std::string& expected) {
    const auto items = py::reinterpret_steal<py::object>(PySequence_Tuple(object.ptr()));
    if (!items) PyErr_Clear();
    if (!items || py::isinstance<py::str>(object) || py::isinstance<py::bytes>(object)) {
        throw py::type_error(expected + ", found " + type_name(object));
    }
    if (PyTuple_GET_SIZE(items.ptr()) != count) {
        throw py::value_error(expected + ", found " + text(py::repr(object)));
    }
    return py::reinterpret_borrow<py::tuple>(items);
}

inline std::array<int, 2> read_size(const py::object& object) {
    const std::string expected =
        "size: expected two integers (H, W) of 1 to " + std::to_string(kLargestSide);
    const py::tuple items = read_items(object, 2, expected);
    std::array<int, 2> size{};
    for (py::ssize_t i = 0; i < 2; ++i) {
        PyObject* item = PyTuple_GET_ITEM(items.ptr(), i);
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

inline std::array<double, 3> read_channels(const py::object& object, const char* name,
                                           bool positive) {
    const std::string expected = std::string(name) + ": expected three finite " +
                                 (positive ? "positive " : "") + "numbers (R, G, B)";
    const py::tuple items = read_items(object, kChannels, expected);
    std::array<double, 3> values{};
    for (py::ssize_t i = 0; i < kChannels; ++i) {
        values[i] = PyFloat_AsDouble(PyTuple_GET_ITEM(items.ptr(), i));
        if (PyErr_Occurred()) {
            const bool large = PyErr_ExceptionMatches(PyExc_OverflowError) != 0;
            PyErr_Clear();
            const std::string message = expected + ", found " + text(py::repr(object));
            if (large) throw py::value_error(message);
            throw py::type_error(message);
        }
        if (!std::isfinite(values[i]) || (positive && values[i] <= 0.0)) {
            throw py::value_error(expected + ", found " + text(py::repr(object)));
        }
    }
    return values;
}

inline Color read_color(const py::object& object) {
    const auto is = [&](const char* name) {
        return py::isinstance<py::str>(object) &&
               PyUnicode_CompareWithASCIIString(object.ptr(), name) == 0;
    };
    if (is("bgr")) return Color::kBgr;
    if (is("rgb")) return Color::kRgb;
    if (is("gray")) return Color::kGray;
    if (is("nv12")) return Color::kNv12;
    throw py::value_error("color: expected 'bgr', 'rgb', 'gray' or 'nv12', found " +
                          text(py::repr(object)));
}

// Output planes in R, G, B order from the channels that read_pixel gives.
inline Planes read_planes(const py::object& mean_object, const py::object& std_object,
                          Color color) {
    const std::array<double, 3> mean = read_channels(mean_object, "mean", false);
    const std::array<double, 3> deviation = read_channels(std_object, "std", true);
    Planes planes{};
    for (int p = 0; p < kChannels; ++p) {
        planes.source[p] = color == Color::kBgr ? kChannels - 1 - p : p;
        planes.scale[p] = static_cast<float>(1.0 / deviation[p]);
        planes.bias[p] = static_cast<float>(-mean[p] / deviation[p]);
    }
    return planes;
}

}  // namespace piza
