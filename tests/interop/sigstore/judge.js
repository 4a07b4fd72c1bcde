// judge.js FOLDER: holds what `forgepool audit export` wrote against @sigstore/verify, with root.json as the only thing trusted,
// and sees that what was tampered with is refused.
"use strict";
const assert = require("node:assert");
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { bundleFromJSON } = require("@sigstore/bundle");
const { PublicKey, TrustedRoot } = require("@sigstore/protobuf-specs");
const { Verifier, VerificationError, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");

const folder = process.argv[2];
const read = (name) => JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"));
const lines = (name) => fs.readFileSync(path.join(folder, name), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
const base64 = (text) => Buffer.from(text, "base64");

const root = read("root.json");
const trustedRoot = read("trusted_root.json");
const given = read("keys.json");
const receipts = lines("receipts.sigstore.jsonl");
const verdicts = lines("verdicts.sigstore.jsonl");
const events = lines("events.jsonl");

// Nothing is believed because it is in keys.json: a key is the hub's by root.json, or an agent's by certificates of its CA.
function trustedKeys() {
  const ca = new crypto.X509Certificate(base64(root.caCertificate));
  const keys = {};
  for (const [hint, key] of Object.entries(given.keys)) {
    const spki = base64(key.rawBytes);
    assert.strictEqual(crypto.createHash("sha256").update(spki).digest("base64"), hint);
    const [certificate] = given.certificates[hint] ?? [];
    if (certificate) {
      const leaf = new crypto.X509Certificate(base64(certificate));
      assert.ok(leaf.verify(ca.publicKey), `${hint} is not an agent's`);
      assert.deepStrictEqual(leaf.publicKey.export({ type: "spki", format: "der" }), spki);
    } else {
      assert.strictEqual(key.rawBytes, root.hubKey);
    }
    keys[hint] = PublicKey.fromJSON(key);
  }
  return keys;
}

// The log's key, too, is the one that root.json names.
function trustedLog() {
  const [, , encoded] = root.logKey.match(/^([^+]+)\+[0-9a-f]{8}\+(.+)$/);
  const raw = base64(encoded).subarray(1);
  const [log] = trustedRoot.tlogs;
  assert.ok(base64(log.publicKey.rawBytes).subarray(-32).equals(raw));
}

const thresholds = { tlogThreshold: 1, ctlogThreshold: 0, timestampThreshold: 0 };
const verify = (bundle, keys = trustedKeys(), trusted = trustedRoot) =>
  new Verifier(toTrustMaterial(TrustedRoot.fromJSON(trusted), keys), thresholds).verify(toSignedEntity(bundleFromJSON(bundle)));

/// `change` makes a bundle that is refused, for that reason.
function refuses(change, code) {
  for (const bundle of [receipts[0], verdicts.at(-1)]) {
    const changed = structuredClone(bundle);
    change(changed, changed.verificationMaterial.tlogEntries[0]);
    assert.throws(() => verify(changed), (error) => {
      assert.ok(error instanceof VerificationError, error.stack);
      assert.strictEqual(error.code, code, error.message);
      return true;
    });
  }
}

function flip(text, at = 5) {
  const bytes = base64(text);
  bytes[at] ^= 1;
  return bytes.toString("base64");
}

const cases = {
  "every receipt and verdict verifies"() {
    assert.ok(receipts.length >= 4 && verdicts.length >= 3);
    trustedLog();
    const keys = trustedKeys();
    for (const bundle of [...receipts, ...verdicts]) verify(bundle, keys);
  },
  "they are bundles v0.3 of in-toto statements: receipts are SLSA provenance, verdicts SLSA verification summaries"() {
    const type = (bundle) => {
      assert.strictEqual(bundle.mediaType, "application/vnd.dev.sigstore.bundle.v0.3+json");
      assert.strictEqual(bundle.dsseEnvelope.payloadType, "application/vnd.in-toto+json");
      return JSON.parse(base64(bundle.dsseEnvelope.payload)).predicateType;
    };
    for (const receipt of receipts) assert.strictEqual(type(receipt), "https://slsa.dev/provenance/v1");
    for (const verdict of verdicts) assert.strictEqual(type(verdict), "https://slsa.dev/verification_summary/v1");
  },
  "a tampered payload is refused"() {
    refuses((bundle) => (bundle.dsseEnvelope.payload = flip(bundle.dsseEnvelope.payload)), "TLOG_BODY_ERROR");
  },
  "a tampered signature is refused, also if the log's entry has it"() {
    refuses((bundle) => (bundle.dsseEnvelope.signatures[0].sig = flip(bundle.dsseEnvelope.signatures[0].sig, 12)), "TLOG_BODY_ERROR");
    refuses((bundle, entry) => {
      const signature = flip(bundle.dsseEnvelope.signatures[0].sig, 12);
      const body = JSON.parse(base64(entry.canonicalizedBody));
      body.spec.hashedRekordV002.signature.content = signature;
      bundle.dsseEnvelope.signatures[0].sig = signature;
      entry.canonicalizedBody = Buffer.from(JSON.stringify(body)).toString("base64");
    }, "TLOG_INCLUSION_PROOF_ERROR");
  },
  "a tampered inclusion proof is refused"() {
    refuses((_, entry) => (entry.inclusionProof.hashes[0] = flip(entry.inclusionProof.hashes[0])), "TLOG_INCLUSION_PROOF_ERROR");
    refuses((_, entry) => entry.inclusionProof.hashes.pop(), "TLOG_INCLUSION_PROOF_ERROR");
    refuses((_, entry) => (entry.inclusionProof.logIndex = "0"), "TLOG_INCLUSION_PROOF_ERROR");
  },
  "a tampered checkpoint is refused"() {
    const envelope = (change) => (_, entry) =>
      (entry.inclusionProof.checkpoint.envelope = change(entry.inclusionProof.checkpoint.envelope.split("\n")).join("\n"));
    refuses(envelope((text) => text.with(1, String(Number(text[1]) + 1))), "TLOG_INCLUSION_PROOF_ERROR");
    refuses(envelope((text) => text.with(2, flip(text[2]))), "TLOG_INCLUSION_PROOF_ERROR");
    refuses(envelope((text) => text.map((line) => (line.startsWith("\u2014") ? line.replace(/\S+$/, (it) => flip(it, 40)) : line))),
      "TLOG_INCLUSION_PROOF_ERROR");
  },
  "a missing log entry is refused, and one of another statement"() {
    refuses((bundle) => (bundle.verificationMaterial.tlogEntries = []), "TLOG_ERROR");
    refuses((bundle) => (bundle.verificationMaterial.tlogEntries = receipts[1].verificationMaterial.tlogEntries), "TLOG_BODY_ERROR");
    const bare = structuredClone(receipts[0]);
    delete bare.verificationMaterial.tlogEntries[0].inclusionProof;
    assert.throws(() => verify(bare));
  },
  "other keys are refused: of the log, of the signer"() {
    const { publicKey } = crypto.generateKeyPairSync("ed25519");
    const other = structuredClone(trustedRoot);
    other.tlogs[0].publicKey.rawBytes = publicKey.export({ type: "spki", format: "der" }).toString("base64");
    assert.throws(() => verify(receipts[0], trustedKeys(), other), { code: "TLOG_INCLUSION_PROOF_ERROR" });
    const keys = trustedKeys();
    const hubs = verdicts[0].verificationMaterial.publicKey.hint;
    keys[receipts[0].verificationMaterial.publicKey.hint] = keys[hubs];
    assert.throws(() => verify(receipts[0], keys), { code: "SIGNATURE_ERROR" });
    assert.throws(() => verify(receipts[0], {}), { code: "PUBLIC_KEY_ERROR" });
  },
  "events open their commitments"() {
    for (const event of events) {
      const commitment = crypto.createHash("sha256").update(base64(event.salt)).update(event.content).digest("hex");
      assert.strictEqual(event.leaf, JSON.stringify({ commitment: `sha256:${commitment}`, kind: event.kind, v: 1 }));
    }
    for (const kind of ["contract", "plan", "lease", "quarantine", "result"]) assert.ok(events.some((event) => event.kind === kind));
  },
};

let failures = 0;
for (const [name, check] of Object.entries(cases)) {
  try {
    check();
    console.log(`ok: ${name}`);
  } catch (error) {
    ++failures;
    console.log(`FAILED: ${name}: ${error.stack}`);
  }
}
console.log(failures ? `${failures} failed` : `sigstore agrees, on Node ${process.version}`);
process.exitCode = failures ? 1 : 0;
