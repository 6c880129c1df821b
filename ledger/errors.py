"""Every error that the ledger raises, as one tree. Messages name the place and the remedy, never the bytes of an entry.

```
LedgerError
├── MalformedError                  bytes or text that are not what they claim to be (place, reason)
│   ├── MalformedNoteError          signed-note: text, signature lines
│   ├── MalformedKeyError           key names, verifier keys, seeds
│   ├── MalformedCheckpointError    tlog-checkpoint: origin, size, root
│   ├── MalformedTileError          tlog-tiles: paths, tiles, entry bundles
│   ├── MalformedProofError         tlog-proof
│   └── MalformedWitnessError       tlog-witness: requests and answers
├── VerificationError               what was claimed does not hold
│   ├── SignatureError              a signature of a known key fails, or no known key signed (key_name)
│   ├── OriginMismatchError         a valid checkpoint of another log (expected, actual)
│   ├── InclusionError              (index, size)
│   ├── ConsistencyError            (old_size, new_size)
│   ├── RootMismatchError           a re-derived root differs from the signed one (size, expected, actual)
│   └── ContradictionError          what is said to prove a fork proves none (reason)
├── OutOfRangeError                 a tree position or size that is not there
├── EntryTooLargeError              an entry that a bundle cannot hold (index, length_bytes)
├── UnsupportedAlgorithmError       a key of an algorithm that this function does not verify (algorithm)
├── SequencerError                  the log may not grow now
│   ├── CheckpointConflictError     someone else moved the committed checkpoint
│   ├── StateBehindError            others hold a larger head of this log than we do: refuse to sign
│   ├── StateInconsistentError      others hold a head that ours contradicts: refuse to sign
│   └── GuardUndecidedError         nobody answered: entries stay stored
└── StorageError                    what a store could not do
    ├── ResourceMissingError        a tile, bundle or checkpoint that is not there (resource)
    ├── ResourceConflictError       other bytes where immutable ones are (resource)
    └── StoreLockedError            another process sequences this log (location)
```
"""

from __future__ import annotations


class LedgerError(Exception):
    """The root of the tree."""


class MalformedError(LedgerError):
    """Bytes or text that are not what they claim to be.

    Attributes:
        place: Which piece is wrong, in the words of its specification.
        reason: What is wrong there.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class MalformedNoteError(MalformedError):
    """Not a signed note."""


class MalformedKeyError(MalformedError):
    """Not a key name, verifier key or seed."""


class MalformedCheckpointError(MalformedError):
    """Not a checkpoint."""


class MalformedTileError(MalformedError):
    """Not a tile, entry bundle or path of one."""


class MalformedProofError(MalformedError):
    """Not a tlog-proof."""


class MalformedWitnessError(MalformedError):
    """Not an add-checkpoint request, or not a witness's answer to one."""


class VerificationError(LedgerError):
    """What was claimed does not hold."""


class SignatureError(VerificationError):
    """A known key's signature fails, or no known key signed.

    Attributes:
        key_name: The key whose signature fails; None where no known key signed at all.
    """

    def __init__(self, message: str, key_name: str | None = None) -> None:
        super().__init__(message)
        self.key_name = key_name


class OriginMismatchError(VerificationError):
    """A checkpoint, validly signed, of another log.

    Attributes:
        expected: The origin that was asked for.
        actual: The origin that the checkpoint names.
    """

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(f"the checkpoint is of log {actual!r}, not of {expected!r}")
        self.expected = expected
        self.actual = actual


class InclusionError(VerificationError):
    """An inclusion proof does not lead from the leaf to the root.

    Attributes:
        index: The claimed index of the leaf.
        size: The size of the tree.
    """

    def __init__(self, index: int, size: int, reason: str) -> None:
        super().__init__(f"leaf {index} in a tree of size {size}: {reason}")
        self.index = index
        self.size = size
        self.reason = reason


class ConsistencyError(VerificationError):
    """A consistency proof does not show that the old tree is a prefix of the new one.

    Attributes:
        old_size: The size of the old tree.
        new_size: The size of the new tree.
    """

    def __init__(self, old_size: int, new_size: int, reason: str) -> None:
        super().__init__(f"from size {old_size} to size {new_size}: {reason}")
        self.old_size = old_size
        self.new_size = new_size
        self.reason = reason


class RootMismatchError(VerificationError):
    """A re-derived root differs from the signed one: tiles and checkpoint are not of one log.

    Attributes:
        size: The size of the tree.
        expected: The signed root.
        actual: The root that the hashes at hand yield.
    """

    def __init__(self, size: int, expected: bytes, actual: bytes) -> None:
        super().__init__(f"at size {size} the hashes yield root {actual.hex()}, the checkpoint says {expected.hex()}")
        self.size = size
        self.expected = expected
        self.actual = actual


class ContradictionError(VerificationError):
    """What is said to prove that a log contradicts itself proves nothing of the kind.

    Attributes:
        reason: Why not.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"no contradiction is shown: {reason}")
        self.reason = reason


class OutOfRangeError(LedgerError):
    """A tree position or size that is not there."""


class EntryTooLargeError(LedgerError):
    """An entry that an entry bundle cannot hold: its length is a u16.

    Attributes:
        position: Where in the given sequence.
        length_bytes: How long it is.
    """

    def __init__(self, position: int, length_bytes: int) -> None:
        super().__init__(f"entry {position} of the batch has {length_bytes} bytes; 65535 is the most that a log holds")
        self.position = position
        self.length_bytes = length_bytes


class UnsupportedAlgorithmError(LedgerError):
    """A key of a signature algorithm that this function does not verify.

    Attributes:
        algorithm: The signature type byte of signed-note.
    """

    def __init__(self, algorithm: int, remedy: str) -> None:
        super().__init__(f"signature algorithm 0x{algorithm:02x} is not verified here: {remedy}")
        self.algorithm = algorithm


class SequencerError(LedgerError):
    """The log may not grow now."""


class CheckpointConflictError(SequencerError):
    """Someone else moved the committed checkpoint: a second sequencer runs, or the state in memory is stale.

    Attributes:
        expected: The signed note that was thought to be committed, or None.
        actual: The signed note that is committed, or None.
    """

    def __init__(self, expected: bytes | None, actual: bytes | None) -> None:
        super().__init__("the committed checkpoint is not the one this sequencer built on; only one may run per log")
        self.expected = expected
        self.actual = actual


class StateBehindError(SequencerError):
    """Others hold a larger head of this log than its own state: a restored backup. Signing would fork the log.

    Attributes:
        own_size: The size of the committed checkpoint.
        known_size: The larger size that others hold.
        witness: Who holds it.
    """

    def __init__(self, own_size: int, known_size: int, witness: str) -> None:
        super().__init__(
            f"this log's state ends at size {own_size}, but {witness} holds size {known_size}: "
            "recover the missing entries with `concord log recover` before anything is signed"
        )
        self.own_size = own_size
        self.known_size = known_size
        self.witness = witness


class StateInconsistentError(SequencerError):
    """Others hold a head that this log's own state contradicts. Signing would be proof of a fork.

    Attributes:
        own_size: The size of the committed checkpoint.
        known_size: The size of the head that others hold.
        witness: Who holds it.
    """

    def __init__(self, own_size: int, known_size: int, witness: str) -> None:
        super().__init__(
            f"this log's state at size {own_size} contradicts the head of size {known_size} that {witness} holds: "
            "the state is not this log's; restore the right one"
        )
        self.own_size = own_size
        self.known_size = known_size
        self.witness = witness


class GuardUndecidedError(SequencerError):
    """Nobody could be asked for the log's last head; entries stay stored until someone answers."""


class StorageError(LedgerError):
    """What a store could not do."""


class ResourceMissingError(StorageError):
    """A tile, bundle or checkpoint that is not there.

    Attributes:
        resource: Its path in tlog-tiles.
    """

    def __init__(self, resource: str) -> None:
        super().__init__(f"{resource} is not in the store")
        self.resource = resource


class ResourceConflictError(StorageError):
    """Other bytes where immutable ones are: two writers, or a store that belongs to another log.

    Attributes:
        resource: Its path in tlog-tiles.
    """

    def __init__(self, resource: str) -> None:
        super().__init__(f"{resource} already holds other bytes; a published resource never changes")
        self.resource = resource


class StoreLockedError(StorageError):
    """Another process sequences this log.

    Attributes:
        location: The store that is in use.
    """

    def __init__(self, location: str) -> None:
        super().__init__(f"{location} is in use by another sequencer; stop that one first")
        self.location = location
