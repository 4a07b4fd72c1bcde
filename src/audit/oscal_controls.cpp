#include "audit/oscal_controls.hpp"

#include <array>

namespace forgepool::audit {
namespace {

constexpr std::array table{
    Control{
        "ac-3", "Access Enforcement",
        "Every request is decided by the role and organization in the peer's certificate, by one table that tests walk through "
        "for every endpoint and identity. Leases come with a token that names the job, shards and actions, and is bound to the "
        "agent's key.",
        "CC6.1 CC6.3", "A.5.15 A.8.3", "164.312(a)(1)", "7.2.1 7.3.1"},
    Control{"ac-4", "Information Flow Enforcement",
            "Contracts name regions, a tier and a data class; shards go only to agents that were enrolled as such, and what "
            "let each "
            "of them is committed to in the ledger before it is told.",
            "CC6.1 CC6.7", "A.5.14 A.5.34", "164.308(a)(4)(ii)(B)", "7.2.5 7.3.2", Shown::residency},
    Control{
        "ac-6", "Least Privilege",
        "Agents learn nothing but the shard that they run. Programs run without privileges, network and file system, under a "
        "filter of system calls.",
        "CC6.1 CC6.3", "A.8.2 A.8.18", "164.308(a)(3)(i)", "7.2.2 7.2.5"},
    Control{"au-3", "Content of Audit Records",
            "Receipts and verdicts say what was done, when, by whom, on which inputs, with which outcome, as in-toto "
            "statements; audit "
            "logs of access are OCSF JSON Lines.",
            "CC7.2", "A.8.15", "164.312(b)", "10.2.2", Shown::signatures},
    Control{"au-9.3", "Protection of Audit Information | Cryptographic Protection",
            "What decides an outcome is a leaf of an RFC 6962 log with signed checkpoints: whoever changes, removes or inserts "
            "an entry "
            "cannot prove the others any more.",
            "CC7.2 PI1.5", "A.5.28 A.5.33 A.8.15", "164.312(b) 164.312(c)(2)", "10.3.2 10.3.4", Shown::log},
    Control{"au-9.2", "Protection of Audit Information | Store on Separate Physical Systems or Components",
            "Witnesses on other machines check that the log only grows, and cosign it; a hub can be made to give out nothing "
            "that a "
            "quorum of them has not seen.",
            "CC7.2", "A.5.33 A.8.15", "164.312(b) 164.312(c)(2)", "10.3.3", Shown::witnesses},
    Control{"au-10", "Non-repudiation",
            "Agents sign receipts with a key that the hub's CA has certified, before they can know what others answered; the "
            "hub signs "
            "verdicts. Both are in the log.",
            "PI1.3 CC7.2", "A.5.28 A.8.24", "164.312(c)(2) 164.312(d)", "10.2.2 10.3.2", Shown::signatures},
    Control{"au-12", "Audit Record Generation",
            "Contract, plan, leases, receipts, verdicts, quarantine and result are entries of the log in the same transaction "
            "as the "
            "change of state that they are about.",
            "CC7.2", "A.8.15", "164.312(b)", "10.2.1", Shown::log},
    Control{
        "ia-3", "Device Identification and Authentication",
        "Hub, agents and clients prove by X.509 SVIDs (SPIFFE) in mutual TLS 1.3 who they are; keys are pinned on both sides; "
        "certificates are issued for one-time join tokens, short-lived, and revoked at once.",
        "CC6.1 CC6.6", "A.5.16 A.8.5", "164.312(d)", "8.2.1 8.3.1"},
    Control{"ia-5.2", "Authenticator Management | Public Key-based Authentication",
            "One issuing CA per organization; chains, times, usages and names are checked against a profile; rotation and "
            "revocation "
            "take effect on open connections.",
            "CC6.1", "A.5.17 A.8.24", "164.312(d)", "8.3.2 8.3.11"},
    Control{"ir-4", "Incident Handling",
            "An agent whose answer lost is in quarantine from then on, its open leases go to others, and its wrong answer is "
            "named in "
            "the log; an appeal is decided by replaying the shard.",
            "CC7.3 CC7.4", "A.5.26", "164.308(a)(6)(ii)", "12.10.1", Shown::quarantine},
    Control{"mp-6", "Media Sanitization",
            "What is erased, or kept no longer, is made unreadable by destroying its keys, wherever copies of the ciphertext "
            "may be; the hub "
            "then cleans its own files of it. The ledger has an entry for each deletion.",
            "CC6.5 C1.2", "A.7.14 A.8.10", "164.310(d)(2)(i) 164.310(d)(2)(ii)", "3.2.1 9.4.7"},
    Control{"sc-4", "Information in Shared System Resources",
            "Each shard runs in namespaces and a control group of its own, in memory that is gone when it ends; agents keep "
            "nothing "
            "between shards but their key and adapters.",
            "CC6.1", "A.8.10 A.8.12", "164.312(a)(1)", "3.2.1"},
    Control{"sc-7", "Boundary Protection",
            "Agents connect outward only; programs have no network; the hub answers nobody without a certificate but at the "
            "enrolment "
            "port, and limits what strangers may cost.",
            "CC6.6", "A.8.20 A.8.22", "164.312(e)(1)", "1.3.1 1.4.1"},
    Control{"sc-8.1", "Transmission Confidentiality and Integrity | Cryptographic Protection",
            "All traffic is HTTP/3 over QUIC with TLS 1.3, authenticated on both sides; 0-RTT is off.", "CC6.7",
            "A.5.14 A.8.24", "164.312(e)(1) 164.312(e)(2)(ii)", "4.2.1"},
    Control{"sc-12", "Cryptographic Key Establishment and Management",
            "Private keys are in files that others cannot read, encrypted under a passphrase, or in a PKCS#11 token; they have "
            "purposes and "
            "epochs, and are rotated without a pause.",
            "CC6.1", "A.8.24", "164.312(a)(2)(iv)", "3.6.1 3.7.4"},
    Control{
        "sc-13", "Cryptographic Protection",
        "Published algorithms only, from BoringSSL or AWS-LC: SHA-256, ECDSA P-256, Ed25519, AES-GCM, ChaCha20-Poly1305, HKDF.",
        "CC6.1 CC6.7", "A.8.24", "164.312(a)(2)(iv) 164.312(e)(2)(ii)", "2.2.7 4.2.1"},
    Control{"sc-28.1", "Protection of Information at Rest | Cryptographic Protection",
            "What a hub keeps of a job or an input is encrypted under a random key for that one (AES-256-GCM), which is "
            "wrapped under a "
            "key derived from one in the key store.",
            "CC6.1 C1.1", "A.5.33 A.8.24", "164.312(a)(2)(iv)", "3.5.1 3.6.1.2"},
    Control{"sc-39", "Process Isolation",
            "Linux namespaces, seccomp, control groups and a read-only root per shard; hostile programs are part of the tests.",
            "CC6.1 CC6.8", "A.8.7 A.8.27", "164.312(a)(1)", "2.2.3"},
    Control{"si-7.1", "Software, Firmware, and Information Integrity | Integrity Checks",
            "Adapters, programs, inputs and outputs are named by their SHA-256; auditors plan the job again from contract and "
            "adapter, and "
            "compare.",
            "CC6.8 PI1.4", "A.8.7 A.8.19", "164.312(c)(1)", "11.5.2", Shown::software},
    Control{"si-7.7", "Software, Firmware, and Information Integrity | Integration of Detection and Response",
            "Results are computed by several agents that do not know of each other, or spot-checked, and accepted only with a "
            "stated bound "
            "on the probability that they are wrong.",
            "CC7.1 PI1.4", "A.8.16", "164.312(c)(2)", "11.5.2", Shown::comparison},
};

}  // namespace

std::span<const Control> controls() {
  return table;
}

}  // namespace forgepool::audit
