// Checks a log with golang.org/x/mod/sumdb, which shares no code with libforgepool.
//
//	sumdb_verifier verify FOLDER   reads vkey, checkpoint, older_checkpoint and proofs.json; exit code 1 and a reason if anything is wrong
//	sumdb_verifier tiles FOLDER    reads vkey, witness_vkey, and below log/ what a log publishes (C2SP tlog-tiles, cosignature/v1)
//	sumdb_verifier sign FOLDER     writes vkey, and a checkpoint over leaves of its own that is also signed by a second key
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type proofs struct {
	Leaves    [][]byte // All of them.
	Inclusion []struct {
		Index int64
		Size  string // "new" or "old": under which checkpoint.
		Path  [][]byte
	}
	Consistency [][]byte
}

type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, h[index])
	}
	return found, nil
}

func fail(format string, arguments ...any) {
	fmt.Printf("refused: "+format+"\n", arguments...)
	os.Exit(1)
}

func check(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

func read(folder, name string) []byte {
	data, err := os.ReadFile(filepath.Join(folder, name))
	check(err, name)
	return data
}

func toHashes(path [][]byte) []tlog.Hash {
	result := make([]tlog.Hash, len(path))
	for i, bytes := range path {
		if len(bytes) != tlog.HashSize {
			fail("a hash of %d bytes", len(bytes))
		}
		copy(result[i][:], bytes)
	}
	return result
}

// openCheckpoint reads a C2SP checkpoint: origin, size, root.
func openCheckpoint(data []byte, vkey string) (int64, tlog.Hash) {
	verifier, err := note.NewVerifier(vkey)
	check(err, "vkey")
	opened, err := note.Open(data, note.VerifierList(verifier))
	check(err, "checkpoint")
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		fail("checkpoint: not three lines of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err, "checkpoint size")
	root, err := base64.StdEncoding.DecodeString(lines[2])
	check(err, "checkpoint root")
	return size, toHashes([][]byte{root})[0]
}

// store makes tlog's own stored hashes of the leaves.
func store(leaves [][]byte) hashes {
	var stored hashes
	for i, leaf := range leaves {
		more, err := tlog.StoredHashes(int64(i), leaf, stored)
		check(err, "stored hashes")
		stored = append(stored, more...)
	}
	return stored
}

func verify(folder string) {
	vkey := strings.TrimSpace(string(read(folder, "vkey")))
	size, root := openCheckpoint(read(folder, "checkpoint"), vkey)
	oldSize, oldRoot := openCheckpoint(read(folder, "older_checkpoint"), vkey)
	var given proofs
	check(json.Unmarshal(read(folder, "proofs.json"), &given), "proofs.json")

	stored := store(given.Leaves)
	own, err := tlog.TreeHash(size, stored)
	check(err, "tree hash")
	if int64(len(given.Leaves)) != size || own != root {
		fail("tree: the root over the %d leaves is not the checkpoint's", len(given.Leaves))
	}
	for _, proof := range given.Inclusion {
		treeSize, treeRoot := size, root
		if proof.Size == "old" {
			treeSize, treeRoot = oldSize, oldRoot
		}
		leaf := tlog.RecordHash(given.Leaves[proof.Index])
		check(tlog.CheckRecord(toHashes(proof.Path), treeSize, treeRoot, proof.Index, leaf), fmt.Sprintf("inclusion of %d", proof.Index))
		expected, err := tlog.ProveRecord(treeSize, proof.Index, stored)
		check(err, "own inclusion proof")
		if fmt.Sprint(tlog.RecordProof(toHashes(proof.Path))) != fmt.Sprint(expected) {
			fail("inclusion of %d: not the proof that tlog makes", proof.Index)
		}
	}
	check(tlog.CheckTree(toHashes(given.Consistency), size, root, oldSize, oldRoot), "consistency")
	fmt.Printf("ok: %d leaves, %d inclusion proofs, consistent from %d\n", size, len(given.Inclusion), oldSize)
}

// cosigner verifies cosignature/v1 of a C2SP vkey with the type 0x04, which x/mod does not know.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newCosigner(vkey string) cosigner {
	name, rest, _ := strings.Cut(vkey, "+")
	hash, encoded, _ := strings.Cut(rest, "+")
	number, err := strconv.ParseUint(hash, 16, 32)
	check(err, "witness vkey")
	key, err := base64.StdEncoding.DecodeString(encoded)
	check(err, "witness vkey")
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	if len(key) != 33 || key[0] != 4 || uint64(binary.BigEndian.Uint32(sum[:])) != number {
		fail("witness vkey: not one of cosignature/v1")
	}
	return cosigner{name, uint32(number), key[1:]}
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	seen := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(signature), text)
	return ed25519.Verify(c.key, []byte(seen), signature[8:])
}

// published reads tiles where C2SP tlog-tiles puts them, for tlog.TileHashReader, which authenticates them.
type published string

func (p published) Height() int                                { return 8 }
func (p published) SaveTiles(tiles []tlog.Tile, data [][]byte) {}
func (p published) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		content, err := os.ReadFile(filepath.Join(string(p), strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		data = append(data, content)
	}
	return data, nil
}

// entries reads all entry bundles.
func (p published) entries(size int64) [][]byte {
	var entries [][]byte
	for first := int64(0); first < size; first += 256 {
		path := fmt.Sprintf("tile/entries/%03d", first/256)
		if size-first < 256 {
			path += fmt.Sprintf(".p/%d", size-first)
		}
		bundle := read(string(p), path)
		for len(bundle) >= 2 {
			length := int(binary.BigEndian.Uint16(bundle))
			if len(bundle) < 2+length {
				fail("%s: an entry is cut off", path)
			}
			entries = append(entries, bundle[2:2+length])
			bundle = bundle[2+length:]
		}
	}
	return entries
}

func tiles(folder string) {
	verifier, err := note.NewVerifier(strings.TrimSpace(string(read(folder, "vkey"))))
	check(err, "vkey")
	witness := newCosigner(strings.TrimSpace(string(read(folder, "witness_vkey"))))
	log := published(filepath.Join(folder, "log"))
	checkpoint := read(string(log), "checkpoint")
	signed, err := note.Open(checkpoint, note.VerifierList(verifier, witness))
	check(err, "checkpoint")
	if len(signed.Sigs) != 2 {
		fail("checkpoint: %d signatures by log and witness", len(signed.Sigs))
	}
	size, root := openCheckpoint(checkpoint, strings.TrimSpace(string(read(folder, "vkey"))))
	oldSize, oldRoot := openCheckpoint(read(folder, "older_checkpoint"), strings.TrimSpace(string(read(folder, "vkey"))))
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, log)
	entries := log.entries(size)
	if int64(len(entries)) != size {
		fail("entries: %d instead of %d", len(entries), size)
	}
	for index, entry := range entries {
		hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(index))})
		check(err, fmt.Sprintf("tile of entry %d", index))
		if hashes[0] != tlog.RecordHash(entry) {
			fail("entry %d: not the one in its tile", index)
		}
	}
	for index := int64(0); index < size; index += 37 {
		proof, err := tlog.ProveRecord(size, index, reader)
		check(err, "inclusion proof from tiles")
		check(tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entries[index])), fmt.Sprintf("inclusion of %d", index))
	}
	proof, err := tlog.ProveTree(size, oldSize, reader)
	check(err, "consistency proof from tiles")
	check(tlog.CheckTree(proof, size, root, oldSize, oldRoot), "consistency")
	fmt.Printf("ok: %d published entries, cosigned by %s, consistent from %d\n", size, witness.Name(), oldSize)
}

func sign(folder string) {
	name := "go.example/log"
	private, vkey, err := note.GenerateKey(nil, name)
	check(err, "key")
	signer, err := note.NewSigner(private)
	check(err, "signer")
	otherPrivate, _, err := note.GenerateKey(nil, "go.example/witness")
	check(err, "key")
	other, err := note.NewSigner(otherPrivate)
	check(err, "signer")
	leaves := [][]byte{[]byte("a"), []byte("b"), []byte("c")}
	root, err := tlog.TreeHash(int64(len(leaves)), store(leaves))
	check(err, "tree hash")
	text := fmt.Sprintf("%s\n%d\n%s\n", name, len(leaves), root)
	signed, err := note.Sign(&note.Note{Text: text}, other, signer)
	check(err, "sign")
	check(os.WriteFile(filepath.Join(folder, "vkey"), []byte(vkey), 0o600), "vkey")
	check(os.WriteFile(filepath.Join(folder, "checkpoint"), signed, 0o600), "checkpoint")
}

func main() {
	if len(os.Args) != 3 {
		fail("usage: sumdb_verifier verify|tiles|sign FOLDER")
	}
	switch os.Args[1] {
	case "verify":
		verify(os.Args[2])
	case "tiles":
		tiles(os.Args[2])
	case "sign":
		sign(os.Args[2])
	default:
		fail("no command %q", os.Args[1])
	}
}
