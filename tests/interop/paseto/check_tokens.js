// check_tokens.js FILE: verifies the tokens that mint_token printed with npm's `paseto`, and that it refuses what we refuse.
"use strict";
const assert = require("node:assert");
const crypto = require("node:crypto");
const fs = require("node:fs");
const { V4, decode, errors } = require("paseto");

const minted = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const publicKey = (spki) => crypto.createPublicKey({ key: Buffer.from(spki, "base64"), format: "der", type: "spki" });
const hubKey = publicKey(minted.public_key_spki);
const hub = "spiffe://paseto.example/hub";
const agent = "spiffe://paseto.example/agent/one";
const expected = { issuer: hub, subject: agent, audience: hub, maxTokenAge: "5 minutes", clockTolerance: "30 seconds" };

/// The token with one character of its payload or signature exchanged.
function tampered(token, at) {
  const start = "v4.public.".length;
  const other = token[start + at] === "A" ? "B" : "A";
  return token.slice(0, start + at) + other + token.slice(start + at + 1);
}

// RFC 7638, of an EC key; the members in this order.
function thumbprint(spki) {
  const { crv, kty, x, y } = publicKey(spki).export({ format: "jwk" });
  return crypto.createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
}

const cases = {
  async "a lease token verifies, and says what was put into it"() {
    const { payload, footer } = await V4.verify(minted.token, hubKey, { ...expected, complete: true });
    assert.strictEqual(payload.jti, "token-1");
    assert.deepStrictEqual(payload.cnf, { jkt: minted.thumbprint });
    assert.deepStrictEqual(payload.fp.shards, [0, 1, 7]);
    assert.deepStrictEqual(payload.fp.actions, ["fetch", "report"]);
    assert.strictEqual(payload.fp.v, 1);
    assert.strictEqual(payload.fp.lease, "lease-1");
    assert.match(payload.fp.adapter, /^sha256:[0-9a-f]{64}$/);
    assert.strictEqual(new Date(payload.exp) - new Date(payload.iat), 5 * 60 * 1000);
    assert.deepStrictEqual(JSON.parse(footer.toString()), { kid: minted.key_id });
  },
  async "the footer's kid is the RFC 7469 pin of the key"() {
    const pin = crypto.createHash("sha256").update(Buffer.from(minted.public_key_spki, "base64")).digest("base64");
    assert.strictEqual(minted.key_id, pin);
    assert.deepStrictEqual(JSON.parse(decode(minted.token).footer.toString()), { kid: pin });
  },
  async "cnf.jkt is the RFC 7638 thumbprint of the agent's key"() {
    assert.strictEqual(minted.thumbprint, thumbprint(minted.agent_key_spki));
  },
  async "a token with any character exchanged is refused"() {
    const body = minted.token.split(".")[2];
    for (let at = 0; at < body.length - 1; at += 17)
      await assert.rejects(V4.verify(tampered(minted.token, at), hubKey, expected), errors.PasetoVerificationFailed, `character ${at}`);
  },
  async "a token with another footer, or none, is refused"() {
    const parts = minted.token.split(".");
    const footer = Buffer.from('{"kid":"x"}').toString("base64url");
    await assert.rejects(V4.verify([...parts.slice(0, 3), footer].join("."), hubKey, expected), errors.PasetoVerificationFailed);
    await assert.rejects(V4.verify(parts.slice(0, 3).join("."), hubKey, expected), errors.PasetoVerificationFailed);
  },
  async "a token by another key is refused"() {
    const { publicKey: other } = crypto.generateKeyPairSync("ed25519");
    await assert.rejects(V4.verify(minted.token, other, expected), errors.PasetoVerificationFailed);
  },
  async "an expired token is refused, a token for others too"() {
    await assert.rejects(V4.verify(minted.expired, hubKey, { clockTolerance: "30 seconds" }), errors.PasetoClaimInvalid);
    await assert.rejects(V4.verify(minted.token, hubKey, { ...expected, audience: agent }), errors.PasetoClaimInvalid);
    await assert.rejects(V4.verify(minted.token, hubKey, { ...expected, issuer: agent }), errors.PasetoClaimInvalid);
  },
  async "footer and implicit assertion are signed"() {
    const { payload } = await V4.verify(minted.asserted, hubKey, { assertion: "an implicit assertion", complete: true });
    assert.deepStrictEqual(payload, { data: "ä" });
    await assert.rejects(V4.verify(minted.asserted, hubKey, { assertion: "another" }), errors.PasetoVerificationFailed);
    await assert.rejects(V4.verify(minted.asserted, hubKey), errors.PasetoVerificationFailed);
  },
};

(async () => {
  let failures = 0;
  for (const [name, check] of Object.entries(cases)) {
    try {
      await check();
      console.log(`ok: ${name}`);
    } catch (error) {
      ++failures;
      console.log(`FAILED: ${name}: ${error.stack}`);
    }
  }
  console.log(failures ? `${failures} failed` : "npm's paseto agrees");
  process.exitCode = failures ? 1 : 0;
})();
