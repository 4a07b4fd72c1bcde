#pragma once
/// Numeric classes: which machines compute the same bits. A program that chooses code by the processor (another libm function
/// where there is fused multiply-add, wider vectors, a reciprocal approximation) gives results that differ between machines
/// although nobody cheats. Replicas of such programs have to run on machines of one class.
///
/// A class is measured, not looked up: a program computes in the sandbox, as a shard would, and what comes out is the class:
///
///     x86-64.fma1.simd512.libm-9f3a01c2.nan-51ab03ee.denormal1.x87-0c5d7781.approx-77aa10ee.env-1c5f0a92
///
/// whether multiply-add is fused (0 or 1), the widest vectors in bits, a digest of what the C library's mathematical functions
/// give, of how NaNs are made, combined and converted, whether denormal numbers are kept (0 or 1), and digests of x87's
/// transcendental functions and of the reciprocal approximations, and of the environment that programs get there, by which C
/// libraries choose functions. Equal text means equal class; the parts are for people.
#include <forgepool/sandbox.hpp>

namespace forgepool {

/// Runs the probe once: a few milliseconds. Blocks; call it from where `Sandbox::run` may be called. The class is an id (at
/// most 128 of [A-Za-z0-9._-]). `unsupported`, with the reason, if the sandbox cannot run programs or the probe does not end
/// well in it.
FORGEPOOL_API Result<std::string> measure_numeric_class(Sandbox& sandbox);

}  // namespace forgepool
