// Checks a log with golang.org/x/mod/sumdb, which shares no code with libforgepool.
//
//	sumdb_verifier verify FOLDER   reads vkey, checkpoint, older_checkpoint and proofs.json; exit code 1 and a reason if anything is wrong
//	sumdb_verifier sign FOLDER     writes vkey, and a checkpoint over leaves of its own that is also signed by a second key
package main

import (
	"encoding/base64"
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
		fail("usage: sumdb_verifier verify|sign FOLDER")
	}
	switch os.Args[1] {
	case "verify":
		verify(os.Args[2])
	case "sign":
		sign(os.Args[2])
	default:
		fail("no command %q", os.Args[1])
	}
}
