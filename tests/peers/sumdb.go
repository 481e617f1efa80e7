// Lets golang.org/x/mod/sumdb (note, tlog) judge what we made of a log, and make its own of it.
// Standard input: a JSON list of logs; standard output: a list of answers, one each.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// log is a log as we see it: a signed checkpoint of all its entries, the proof of one of them, the
// proof from an older size, and all tiles by Go's own paths.
type log struct {
	Entries     [][]byte
	Verifier    string
	Note        []byte
	Index, Old  int64
	OldRoot     tlog.Hash
	Inclusion   tlog.RecordProof
	Consistency tlog.TreeProof
	Tiles       map[string][]byte
	Seed        []byte
}

// answer says what is accepted, and what Go makes of the same entries.
type answer struct {
	Signed, Head, Included, Continued, Tiled bool

	Verifier    string
	Note        []byte
	Root        tlog.Hash
	Inclusion   tlog.RecordProof
	Consistency tlog.TreeProof
	Tiles       map[string][]byte
}

// stored holds the hashes of a tree in Go's order.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		found[i] = s[at]
	}
	return found, nil
}

// served answers with our tiles; Go authenticates them against our root.
type served map[string][]byte

func (s served) Height() int { return height }

func (s served) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(tiles))
	for i, tile := range tiles {
		data, ok := s[tile.Path()]
		if !ok || len(data) != tile.W*tlog.HashSize {
			return nil, errors.New("no such tile")
		}
		found[i] = data
	}
	return found, nil
}

func (s served) SaveTiles([]tlog.Tile, [][]byte) {}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func judge(l log, a *answer) {
	verifier, err := note.NewVerifier(l.Verifier)
	if err != nil {
		return
	}
	opened, err := note.Open(l.Note, note.VerifierList(verifier))
	if err != nil {
		return
	}
	a.Signed = len(opened.Sigs) == 1 && opened.Sigs[0].Name == verifier.Name()
	root, err := tlog.ParseHash(strings.Split(opened.Text, "\n")[2])
	if err != nil {
		return
	}
	size := int64(len(l.Entries))
	leaf := tlog.RecordHash(l.Entries[l.Index])
	a.Head = root == a.Root
	a.Included = tlog.CheckRecord(l.Inclusion, size, root, l.Index, leaf) == nil
	a.Continued = tlog.CheckTree(l.Consistency, size, root, l.Old, l.OldRoot) == nil
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, served(l.Tiles))
	a.Tiled = true
	for i, entry := range l.Entries {
		found, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(i))})
		if err != nil || found[0] != tlog.RecordHash(entry) {
			a.Tiled = false
			return
		}
	}
}

func build(l log, a *answer) {
	var hashes stored
	for i, entry := range l.Entries {
		more, err := tlog.StoredHashes(int64(i), entry, hashes)
		must(err)
		hashes = append(hashes, more...)
	}
	size := int64(len(l.Entries))
	var err error
	a.Root, err = tlog.TreeHash(size, hashes)
	must(err)
	a.Inclusion, err = tlog.ProveRecord(size, l.Index, hashes)
	must(err)
	a.Consistency, err = tlog.ProveTree(size, l.Old, hashes)
	must(err)
	a.Tiles = map[string][]byte{}
	for _, tile := range tlog.NewTiles(height, 0, size) {
		a.Tiles[tile.Path()], err = tlog.ReadTileData(tile, hashes)
		must(err)
	}
	secret, public, err := note.GenerateKey(bytes.NewReader(l.Seed), "go.example/log")
	must(err)
	signer, err := note.NewSigner(secret)
	must(err)
	text, _, _ := strings.Cut(string(l.Note), "\n\n")
	a.Verifier = public
	a.Note, err = note.Sign(&note.Note{Text: text + "\n"}, signer)
	must(err)
}

func main() {
	var logs []log
	must(json.NewDecoder(os.Stdin).Decode(&logs))
	answers := make([]answer, len(logs))
	for i, l := range logs {
		build(l, &answers[i])
		judge(l, &answers[i])
	}
	must(json.NewEncoder(os.Stdout).Encode(answers))
}
