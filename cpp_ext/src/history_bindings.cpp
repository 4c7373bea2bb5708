#include "history_bindings.hpp"

#include <pybind11/numpy.h>

#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "history.hpp"

namespace piza {
namespace {

using History = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Weight = py::array_t<float, py::array::c_style | py::array::forcecast>;

std::size_t count_boxes(const History& history) {
    if (history.ndim() != 2 || history.shape(1) != 4 || history.shape(0) < 1) {
        throw py::value_error("expected a history of shape (k, 4) with k >= 1, got " +
                              text(history.attr("shape")));
    }
    return static_cast<std::size_t>(history.shape(0));
}

HistoryNetwork make_network(const py::dict& weights) {
    Tensors tensors;
    std::vector<Weight> arrays;  // alive until the network has its copies
    for (const auto& [name, value] : weights) {
        arrays.emplace_back(py::reinterpret_borrow<py::object>(value));
        const Weight& array = arrays.back();
        tensors[text(name)] = {{array.shape(), array.shape() + array.ndim()}, array.data()};
    }
    return HistoryNetwork(tensors);
}

py::array_t<float> features_of(const History& history) {
    const std::size_t count = count_boxes(history);
    py::array_t<float> features({count, kBoxFeatures});
    box_features(history.data(), count, features.mutable_data());
    return features;
}

py::array_t<float> encode(const HistoryNetwork& network, const History& history) {
    const auto encoding = network.encode(history.data(), count_boxes(history));
    return py::array_t<float>(encoding.size(), encoding.data());
}

std::pair<double, double> decide(const HistoryNetwork& network, const History& history) {
    const Decision decision = network.decide(history.data(), count_boxes(history));
    return {decision.stop, decision.progress};
}

}  // namespace

void bind_history(py::module_& module) {
    module.def("box_features", &features_of, py::arg("history_xywh"),
               "Six float32 numbers a box, (k, 4) xywh -> (k, 6). ValueError for another shape.");
    py::class_<HistoryNetwork>(module, "HistoryNetwork",
                               "The box-history encoder. Stateless, thread-safe.")
        .def(py::init(&make_network), py::arg("weights"),
             "From a dict of the published names and arrays, which are copied. ValueError for a"
             " missing name and for a wrong shape.")
        .def("encode", &encode, py::arg("history_xywh"),
             "The history (k, 4) xywh as one float32 vector of unit length, (16,).")
        .def("decide", &decide, py::arg("history_xywh"),
             "End-of-search probability and progress of a history (k, 4) xywh.");
}

}  // namespace piza
