// Python face of the CUDA crop_resize. All that can be checked without a GPU is checked before one
// is asked for; what only the driver knows (where a pointer leads) is checked before the launch.
#include <algorithm>
#include <set>

#include "crop_resize_cuda.hpp"
#include "device_array.hpp"

namespace {

using piza::Color;
using piza::DeviceArray;
using piza::py::ssize_t;
namespace py = piza::py;

[[noreturn]] void refuse(const DeviceArray& array, const std::string& expected) {
    throw py::value_error(array.name + ": expected " + expected + ", found " +
                          (array.read_only ? "read-only " : "") + piza::describe(array));
}

void check_type(const DeviceArray& array, const std::string& expected,
                std::initializer_list<const char*> types) {
    if (std::find(types.begin(), types.end(), array.type) == types.end()) {
        throw py::type_error(array.name + ": expected " + expected + ", found " +
                             piza::describe(array));
    }
}

bool is_contiguous(const DeviceArray& array) {
    std::int64_t size = array.type.back() - '0';
    for (std::size_t i = array.shape.size(); i-- > 0;) {
        if (array.shape[i] > 1 && array.strides[i] != size) return false;
        size *= array.shape[i];
    }
    return true;
}

bool is_aligned(const DeviceArray& array) {
    return array.address % static_cast<std::uintptr_t>(array.type.back() - '0') == 0;
}

const std::uint8_t* bytes_of(const DeviceArray& array) {
    return reinterpret_cast<const std::uint8_t*>(array.address);
}

// The picture and the arrays that it lies in.
struct Picture {
    piza::Frame frame;
    std::vector<DeviceArray> arrays;
};

DeviceArray read_bytes(const py::object& object, const std::string& expected) {
    DeviceArray array = piza::read_device_array(object, "frame", expected);
    check_type(array, expected, {"|u1", "<u1", "=u1", ">u1"});
    const bool sized = std::all_of(array.shape.begin(), array.shape.end(), [](std::int64_t side) {
        return side >= 1 && side <= piza::kLargestFrameSide;
    });
    if (!sized) {
        refuse(array, expected + " with at least 1 and at most " +
                          std::to_string(piza::kLargestFrameSide) + " elements in each axis");
    }
    return array;
}

Picture read_color(const py::object& object) {
    const std::string expected = "a uint8 array of shape (h, w, 3)";
    const DeviceArray array = read_bytes(object, expected);
    if (array.shape.size() != 3 || array.shape[2] != piza::kChannels) refuse(array, expected);
    return {{bytes_of(array), array.shape[0], array.shape[1], array.strides[0], array.strides[1],
             array.strides[2], nullptr, 0},
            {array}};
}

Picture read_gray(const py::object& object) {
    const std::string expected = "a uint8 array of shape (h, w) for 'gray'";
    const DeviceArray array = read_bytes(object, expected);
    if (array.shape.size() != 2) refuse(array, expected);
    return {{bytes_of(array), array.shape[0], array.shape[1], array.strides[0], array.strides[1], 0,
             nullptr, 0},
            {array}};
}

Picture read_nv12(const py::object& object) {
    const std::string expected =
        "for 'nv12' a uint8 array of shape (h * 3 / 2, w), or a tuple of luma (h, w) and chroma"
        " (h / 2, w / 2, 2), h and w even, all but the rows contiguous";
    if (!py::isinstance<py::tuple>(object)) {
        const DeviceArray array = read_bytes(object, expected);
        if (array.shape.size() != 2 || array.shape[0] % 3 != 0 || array.shape[1] % 2 != 0 ||
            array.strides[1] != 1) {
            refuse(array, expected);
        }
        const std::int64_t height = array.shape[0] / 3 * 2, pitch = array.strides[0];
        return {{bytes_of(array), height, array.shape[1], pitch, 1, 0,
                 bytes_of(array) + height * pitch, pitch},
                {array}};
    }
    const auto planes = py::reinterpret_borrow<py::tuple>(object);
    if (planes.size() != 2) {
        throw py::value_error("frame: expected " + expected + ", found a tuple of " +
                              std::to_string(planes.size()));
    }
    const DeviceArray luma = read_bytes(planes[0], expected);
    const DeviceArray chroma = read_bytes(planes[1], expected);
    if (luma.shape.size() != 2 || luma.strides[1] != 1) refuse(luma, expected);
    const bool fits = chroma.shape.size() == 3 && luma.shape[0] == 2 * chroma.shape[0] &&
                      luma.shape[1] == 2 * chroma.shape[1] && chroma.shape[2] == 2 &&
                      (chroma.strides[1] == 2 || chroma.shape[1] == 1) && chroma.strides[2] == 1;
    if (!fits) refuse(chroma, expected);
    return {{bytes_of(luma), luma.shape[0], luma.shape[1], luma.strides[0], 1, 0, bytes_of(chroma),
             chroma.strides[0]},
            {luma, chroma}};
}

Picture read_picture(const py::object& object, Color color) {
    switch (color) {
        case Color::kGray: return read_gray(object);
        case Color::kNv12: return read_nv12(object);
        default: return read_color(object);
    }
}

DeviceArray read_windows(const py::object& object) {
    const std::string expected = "a C-contiguous float32 array of shape (n, 4)";
    const DeviceArray array = piza::read_device_array(object, "windows", expected);
    check_type(array, expected, {"<f4", "=f4"});
    const bool fits = array.shape.size() == 2 && array.shape[1] == 4 && is_aligned(array) &&
                      is_contiguous(array);
    if (!fits) refuse(array, expected + ", aligned");
    return array;
}

DeviceArray read_out(const py::object& object, std::int64_t count, const std::array<int, 2>& size,
                     const std::vector<DeviceArray>& inputs) {
    const std::vector<std::int64_t> shape = {count, piza::kChannels, size[0], size[1]};
    const std::string expected = "a writeable C-contiguous float32 or float16 array of shape (" +
                                 std::to_string(count) + ", 3, " + std::to_string(size[0]) + ", " +
                                 std::to_string(size[1]) + ")";
    const DeviceArray array = piza::read_device_array(object, "out", expected);
    check_type(array, expected, {"<f4", "=f4", "<f2", "=f2"});
    if (array.shape != shape || array.read_only || !is_contiguous(array)) refuse(array, expected);
    if (!is_aligned(array)) refuse(array, expected + ", aligned");
    for (const DeviceArray& input : inputs) {
        const bool apart = array.empty() || input.empty() || array.high() <= input.low() ||
                           input.high() <= array.low();
        if (!apart) {
            throw py::value_error("out: expected " + expected + " that shares no memory with " +
                                  input.name + ", found one that does");
        }
    }
    return array;
}

// A stream as an integer, or an object of pycuda (handle), torch (cuda_stream) or cupy (ptr).
cudaStream_t read_stream(const py::object& object) {
    py::object handle = object;
    for (const char* name : {"handle", "cuda_stream", "ptr"}) {
        if (!PyLong_Check(handle.ptr()) && py::hasattr(object, name)) handle = object.attr(name);
    }
    const bool number = PyLong_Check(handle.ptr()) && !PyBool_Check(handle.ptr());
    const std::size_t value = number ? PyLong_AsSize_t(handle.ptr()) : 0;
    if (number && !PyErr_Occurred()) return reinterpret_cast<cudaStream_t>(value);
    PyErr_Clear();
    const std::string found = piza::text(py::repr(object));
    const std::string expected =
        "stream: expected a handle (an integer of at least 0) or an object with .handle,"
        " .cuda_stream or .ptr, found " + found;
    if (number) throw py::value_error(expected);
    throw py::type_error(expected);
}

void need_device() {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaSuccess && count > 0) return;
    cudaGetLastError();
    throw piza::cuda::Error(std::string("no CUDA device to run on: ") +
                            (status == cudaSuccess ? "none found" : cudaGetErrorString(status)));
}

void check_place(const DeviceArray& array) {
    if (array.empty()) return;
    int current = 0;
    piza::cuda::check(cudaGetDevice(&current), "cudaGetDevice");
    cudaPointerAttributes place{};
    const auto* pointer = reinterpret_cast<const void*>(array.address);
    piza::cuda::check(cudaPointerGetAttributes(&place, pointer), "cudaPointerGetAttributes");
    const std::string expected =
        array.name + ": expected memory of the current device " + std::to_string(current);
    if (place.type != cudaMemoryTypeDevice && place.type != cudaMemoryTypeManaged) {
        throw py::value_error(expected + ", found host memory");
    }
    if (place.type == cudaMemoryTypeDevice && place.device != current) {
        throw py::value_error(expected + ", found device " + std::to_string(place.device));
    }
}

// The work of `stream` begins after what a producer of arrays has put on its own stream.
void wait_for(std::int64_t producer, cudaStream_t stream) {
    const auto theirs = reinterpret_cast<cudaStream_t>(static_cast<std::intptr_t>(producer));
    const bool both_legacy = theirs == cudaStreamLegacy && stream == nullptr;
    if (theirs == stream || both_legacy) return;
    cudaEvent_t event = nullptr;
    piza::cuda::check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
    const cudaError_t recorded = cudaEventRecord(event, theirs);
    const cudaError_t waits =
        recorded == cudaSuccess ? cudaStreamWaitEvent(stream, event, 0) : cudaSuccess;
    const cudaError_t destroyed = cudaEventDestroy(event);  // lives on until it has happened
    piza::cuda::check(recorded, "cudaEventRecord on the stream of an array");
    piza::cuda::check(waits, "cudaStreamWaitEvent");
    piza::cuda::check(destroyed, "cudaEventDestroy");
}

// The streams that the arrays name, each once.
std::set<std::int64_t> producers_of(const std::vector<DeviceArray>& arrays) {
    std::set<std::int64_t> producers;
    for (const DeviceArray& array : arrays) {
        if (array.stream >= 0) producers.insert(array.stream);
    }
    return producers;
}

void launch(const piza::Frame& frame, const DeviceArray& windows, const std::array<int, 2>& size,
            const piza::Planes& planes, const DeviceArray& out, cudaStream_t stream) {
    const piza::cuda::Windows wanted{reinterpret_cast<const float*>(windows.address),
                                     static_cast<std::ptrdiff_t>(windows.shape[0])};
    if (out.type.back() == '2') {
        piza::cuda::crop_resize(frame, wanted, size[0], size[1], planes,
                                reinterpret_cast<piza::Half*>(out.address), stream);
    } else {
        piza::cuda::crop_resize(frame, wanted, size[0], size[1], planes,
                                reinterpret_cast<float*>(out.address), stream);
    }
}

py::object crop_resize(const py::object& frame_object, const py::object& windows_object,
                       const py::object& size_object, const py::object& mean,
                       const py::object& deviation, const py::object& color_object,
                       const py::object& out_object, const py::object& stream_object) {
    const Color color = piza::read_color(color_object);
    const Picture picture = read_picture(frame_object, color);
    const DeviceArray windows = read_windows(windows_object);
    const std::array<int, 2> size = piza::read_size(size_object);
    const piza::Planes planes = piza::read_planes(mean, deviation, color);
    std::vector<DeviceArray> arrays = picture.arrays;
    arrays.push_back(windows);
    const DeviceArray out = read_out(out_object, windows.shape[0], size, arrays);
    arrays.push_back(out);
    const cudaStream_t stream = read_stream(stream_object);

    {
        const py::gil_scoped_release release;
        need_device();
        for (const DeviceArray& array : arrays) check_place(array);
        for (const std::int64_t producer : producers_of(arrays)) wait_for(producer, stream);
        launch(picture.frame, windows, size, planes, out, stream);
    }
    return out_object;
}

}  // namespace

PYBIND11_MODULE(_cuda, module) {
    module.doc() = "Crop, resize and normalise in one pass, in device memory.";
    module.def("crop_resize", &crop_resize, py::arg("frame"), py::arg("windows"), py::arg("size"),
               py::arg("mean"), py::arg("std"), py::arg("color"), py::arg("out"),
               py::arg("stream"));
    module.def("usable", &piza::cuda::usable, py::call_guard<py::gil_scoped_release>(),
               "Whether there is a device, and the kernel was built for it.");
}
