// Python face of the box-history encoder.
#pragma once

#include <pybind11/pybind11.h>

namespace piza {

void bind_history(pybind11::module_& module);

}  // namespace piza
