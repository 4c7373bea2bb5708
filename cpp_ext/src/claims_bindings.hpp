// Python face of the claims of a sentence.
#pragma once

#include <pybind11/pybind11.h>

namespace piza {

void bind_claims(pybind11::module_& module);

}  // namespace piza
