#include "hub/evidence.hpp"
