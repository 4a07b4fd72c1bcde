#pragma once
/// What libforgepool does for which controls. A table, and nothing that depends on a deployment.
#include <span>
#include <string_view>

namespace forgepool::audit {

/// Names of the facts by which evidence of jobs can show that a control works (see oscal_results.cpp).
enum class Shown { nowhere, signatures, log, witnesses, software, comparison, quarantine, residency };

struct Control {
  std::string_view id;     ///< NIST SP 800-53 revision 5, as OSCAL spells it.
  std::string_view title;  ///< The control's.
  std::string_view what;   ///< What libforgepool does.
  /// Identifiers of the like elsewhere, separated by spaces; for orientation. SOC 2: 2017 trust services criteria. ISO/IEC
  /// 27001:2022, annex A. HIPAA: 45 CFR. PCI DSS 4.0.1.
  std::string_view soc2, iso27001, hipaa, pci;
  Shown shown = Shown::nowhere;
};

std::span<const Control> controls();

}  // namespace forgepool::audit
