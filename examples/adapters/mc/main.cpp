/// mc@1: Monte Carlo simulations. Reads /in/params.json, writes /out/result.
#include "mc/profiles.hpp"

int main(int argc, char** argv) {
  using namespace adapter_program;
  const Folders folders = folders_from(argc, argv);
  const std::string text = read_file(folders.in + "/params.json");
  const Params params(text);
  const std::string& profile = params.string("profile");
  if (profile == "insurance.v1")
    write_file(folders.out + "/result", mc::run_insurance(params).json());
  else if (profile == "eta.v1")
    write_file(folders.out + "/result", mc::run_eta(params).json());
  else
    give_up("unknown profile " + profile);
}
