#include "claims_bindings.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "arguments.hpp"
#include "claims.hpp"

namespace piza {
namespace {

template <typename Number>
using Matrix = py::array_t<Number, py::array::c_style | py::array::forcecast>;
using Pair = std::array<double, 2>;
using Said = std::tuple<std::string, std::vector<std::size_t>, bool, int>;

const char* name_of(ClaimKind kind) {
    switch (kind) {
        case ClaimKind::kRelation: return "relation";
        case ClaimKind::kBetween: return "between";
        case ClaimKind::kRank: return "rank";
        default: return "place";
    }
}

py::dict kinds() {
    py::dict named;
    for (const Claimable& each : claimables()) named[each.name] = name_of(each.kind);
    return named;
}

Claim read_claim(const Said& said, std::size_t tokens) {
    const auto& [name, others, negated, number] = said;
    const std::vector<Claimable>& all = claimables();
    const auto found = std::find_if(all.begin(), all.end(), [&name = name](const Claimable& each) {
        return name == each.name;
    });
    if (found == all.end()) throw py::value_error("nothing can be claimed like " + name);
    const std::size_t least = found->kind == ClaimKind::kPlace ? 0 : 1;
    const std::size_t most = found->kind == ClaimKind::kBetween ? 2 : least;
    const bool fits = others.size() >= least && others.size() <= most &&
                      std::all_of(others.begin(), others.end(),
                                  [&](std::size_t token) { return token < tokens; });
    if (!fits) throw py::value_error("a claim of other tokens than there are: " + name);
    return {static_cast<std::size_t>(found - all.begin()), others, negated, number};
}

// With the matrices, which the look points into.
Look read_look(const Matrix<double>& boxes, const Matrix<float>& scores,
               const Matrix<float>& meanings, const Matrix<double>& cells, const Pair& scale,
               const Pair& shift, const Pair& frame_wh) {
    const bool fits = boxes.ndim() == 2 && boxes.shape(1) == 4 && scores.ndim() == 1 &&
                      scores.shape(0) == boxes.shape(0) && meanings.ndim() == 2 &&
                      cells.ndim() == 2 && cells.shape(1) == 2 &&
                      cells.shape(0) == meanings.shape(0);
    if (!fits) {
        throw py::value_error(
            "expected boxes (K, 4), scores (K,), meanings (N, T) and cells (N, 2), found " +
            text(boxes.attr("shape")) + ", " + text(scores.attr("shape")) + ", " +
            text(meanings.attr("shape")) + ", " + text(cells.attr("shape")));
    }
    return {static_cast<std::size_t>(boxes.shape(0)),
            static_cast<std::size_t>(meanings.shape(0)),
            static_cast<std::size_t>(meanings.shape(1)),
            boxes.data(), scores.data(), meanings.data(), cells.data(), scale, shift, frame_wh};
}

std::optional<py::array_t<float>> weigh_claims(
    const std::vector<Said>& claims, const Matrix<double>& boxes, const Matrix<float>& scores,
    const Matrix<float>& meanings, const Matrix<double>& cells, const Pair& scale,
    const Pair& shift, const Pair& frame_wh) {
    const Look look = read_look(boxes, scores, meanings, cells, scale, shift, frame_wh);
    std::vector<Claim> read;
    for (const Said& said : claims) read.push_back(read_claim(said, look.tokens));
    py::array_t<float> found(static_cast<py::ssize_t>(look.count));
    if (!weigh(look, read, found.mutable_data())) return std::nullopt;
    return found;
}

}  // namespace

void bind_claims(py::module_& module) {
    module.attr("CLAIMS") = kinds();
    module.def("weigh_claims", &weigh_claims, py::arg("claims"), py::arg("boxes"),
               py::arg("scores"), py::arg("meanings"), py::arg("cells"), py::arg("scale"),
               py::arg("shift"), py::arg("frame_wh"),
               "Scores (K,) with what is claimed weighed in; None where nothing is that can be"
               " told. claims: (name of CLAIMS, tokens, negated, number) each. ValueError for"
               " shapes, names and tokens that do not fit.");
}

}  // namespace piza
