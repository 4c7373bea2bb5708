// Arrays in device memory as Python hands them over: __cuda_array_interface__, versions 2 and 3.
// What can be checked without a GPU is checked here.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "arguments.hpp"

namespace piza {

struct DeviceArray {
    std::string name;  // of the argument
    std::uintptr_t address;
    std::vector<std::int64_t> shape, strides;  // strides in bytes
    std::string type;                          // "|u1", "<f2", "<f4", ...
    bool read_only;
    std::int64_t stream;  // to wait for: -1 for none, else a handle as the interface numbers them

    bool empty() const {
        for (const std::int64_t side : shape) {
            if (side == 0) return true;
        }
        return false;
    }

    // The bytes that the array touches: [low, high).
    std::uintptr_t low() const {
        std::int64_t low = 0;
        for (std::size_t i = 0; i < shape.size(); ++i) {
            if (strides[i] < 0) low += (shape[i] - 1) * strides[i];
        }
        return empty() ? address : address + static_cast<std::uintptr_t>(low);
    }
    std::uintptr_t high() const {
        std::int64_t high = type.back() - '0';
        for (std::size_t i = 0; i < shape.size(); ++i) {
            if (strides[i] > 0) high += (shape[i] - 1) * strides[i];
        }
        return empty() ? address : address + static_cast<std::uintptr_t>(high);
    }
};

inline std::string describe(const DeviceArray& array) {
    std::string message = array.type + " array of shape (";
    for (std::size_t i = 0; i < array.shape.size(); ++i) {
        message += (i > 0 ? ", " : "") + std::to_string(array.shape[i]);
    }
    message += array.shape.size() == 1 ? ",)" : ")";
    message += " with strides (";
    for (std::size_t i = 0; i < array.strides.size(); ++i) {
        message += (i > 0 ? ", " : "") + std::to_string(array.strides[i]);
    }
    return message + (array.strides.size() == 1 ? ",)" : ")");
}

namespace device_array {

[[noreturn]] inline void refuse(const std::string& name, const std::string& what) {
    throw py::value_error(name + ": expected a valid __cuda_array_interface__, found " + what);
}

inline py::object entry(const std::string& name, const py::dict& interface, const char* key) {
    if (!interface.contains(key)) refuse(name, std::string("one without '") + key + "'");
    return interface[key];
}

inline std::int64_t integer(const std::string& name, const py::handle& item, const char* key) {
    const auto wrong = [&] { refuse(name, std::string(key) + " " + text(py::repr(item))); };
    if (!PyIndex_Check(item.ptr()) || PyBool_Check(item.ptr())) wrong();
    const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(item.ptr()));
    if (!number) throw py::error_already_set();
    int overflow = 0;
    const std::int64_t value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
    if (overflow != 0) wrong();
    return value;
}

inline std::vector<std::int64_t> integers(const std::string& name, const py::object& items,
                                          const char* key) {
    if (!py::isinstance<py::tuple>(items)) {
        refuse(name, std::string(key) + " " + text(py::repr(items)));
    }
    std::vector<std::int64_t> values;
    for (const py::handle item : py::reinterpret_borrow<py::tuple>(items)) {
        values.push_back(integer(name, item, key));
    }
    return values;
}

inline std::string type_of(const std::string& name, const py::dict& interface) {
    const py::object object = entry(name, interface, "typestr");
    const std::string type = py::isinstance<py::str>(object) ? object.cast<std::string>() : "";
    const bool sized = type.size() == 3 && type[2] >= '1' && type[2] <= '9';
    if (!sized || std::string("<>|=").find(type[0]) == std::string::npos) {
        refuse(name, "typestr " + text(py::repr(object)));
    }
    return type;
}

inline void read_data(const py::dict& interface, DeviceArray& array) {
    const py::object data = entry(array.name, interface, "data");
    const bool pair = py::isinstance<py::tuple>(data) && py::len(data) == 2;
    if (!pair) refuse(array.name, "data " + text(py::repr(data)));
    const auto items = py::reinterpret_borrow<py::tuple>(data);
    const py::object pointer = items[0];
    if (!PyLong_Check(pointer.ptr())) refuse(array.name, "data " + text(py::repr(data)));
    array.address = PyLong_AsSize_t(pointer.ptr());
    if (PyErr_Occurred()) {
        PyErr_Clear();
        refuse(array.name, "data " + text(py::repr(data)));
    }
    const int flag = PyObject_IsTrue(py::object(items[1]).ptr());
    if (flag < 0) throw py::error_already_set();
    array.read_only = flag != 0;
}

inline void read_shape(const py::dict& interface, DeviceArray& array) {
    constexpr std::int64_t kMost = std::int64_t{1} << 47;  // bytes: no device addresses more
    array.shape = integers(array.name, entry(array.name, interface, "shape"), "shape");
    std::int64_t size = array.type.back() - '0';
    for (auto side = array.shape.rbegin(); side != array.shape.rend(); ++side) {
        if (*side < 0 || *side > kMost) refuse(array.name, "shape with " + std::to_string(*side));
        array.strides.insert(array.strides.begin(), size);
        if (*side > 0 && size > kMost / *side) refuse(array.name, "a shape of too many bytes");
        size *= *side > 0 ? *side : 1;
    }
    const py::object strides =
        interface.contains("strides") ? py::object(interface["strides"]) : py::none();
    if (strides.is_none()) return;
    array.strides = integers(array.name, strides, "strides");
    if (array.strides.size() != array.shape.size()) refuse(array.name, "strides beside the shape");
    for (std::size_t i = 0; i < array.shape.size(); ++i) {
        const std::int64_t most = kMost / (array.shape[i] > 0 ? array.shape[i] : 1);
        if (array.strides[i] < -most || array.strides[i] > most) {
            refuse(array.name, "stride " + std::to_string(array.strides[i]));
        }
    }
}

inline std::int64_t stream_of(const std::string& name, const py::dict& interface) {
    if (!interface.contains("stream")) return -1;
    const py::object stream = interface["stream"];
    if (stream.is_none()) return -1;
    const std::int64_t handle = integer(name, stream, "stream");
    if (handle <= 0) refuse(name, "stream " + std::to_string(handle));  // 0 would be ambiguous
    return handle;
}

}  // namespace device_array

// Raises TypeError where the object is no device array, ValueError where its interface is wrong.
inline DeviceArray read_device_array(const py::object& object, const std::string& name,
                                     const std::string& expected) {
    using namespace device_array;
    const py::object found = py::getattr(object, "__cuda_array_interface__", py::none());
    if (!py::isinstance<py::dict>(found)) {
        throw py::type_error(name + ": expected " + expected +
                             " in device memory (__cuda_array_interface__), found " +
                             type_name(object));
    }
    const py::dict interface = found;
    const std::int64_t version = integer(name, entry(name, interface, "version"), "version");
    if (version < 2) refuse(name, "version " + std::to_string(version));
    if (interface.contains("mask") && !interface["mask"].is_none()) refuse(name, "a mask");
    DeviceArray array{};
    array.name = name;
    array.type = type_of(name, interface);
    read_data(interface, array);
    read_shape(interface, array);
    array.stream = stream_of(name, interface);
    if (array.address == 0 && !array.empty()) refuse(name, "a null pointer");
    if (!array.empty() && (array.low() > array.high() || array.address < array.low())) {
        refuse(name, "addresses that wrap around");
    }
    return array;
}

}  // namespace piza
