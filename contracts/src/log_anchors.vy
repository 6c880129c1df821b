# pragma version 0.4.3
# pragma evm-version london
# pragma optimize gas
"""
@title Log anchors: the head of every log, which can grow and never fork
@license Apache-2.0
@author Concord contributors
@notice Keeps the last accepted (size, root) of each origin. A new head must be sent by an anchor key of the origin's
        institution and carry a consistency proof (RFC 9162, section 2.1.4) from the last one, which is verified here:
        two readers of this contract can never be shown two histories. Heads are never reset.
@dev A head takes two consecutive slots, so that one state proof of each shows it off the chain:
     slot 0 is a packed word, bits 0-47 size, 48-95 block number, 96-143 timestamp, 144-183 place of the origin in the
     consortium's tables (which never changes, and spares a later anchor one read); slot 1 is the root.
"""


# @dev What the consortium answers: the place of an origin, or a named revert.
interface AnchorAuthority:
    def authorise(origin: bytes32, sender: address) -> uint256: view
    def authorise_at(place: uint256, sender: address) -> uint256: view


# @notice A head was accepted.
event Anchored:
    origin: indexed(bytes32)
    size: uint64
    root: bytes32


# @dev A head as it is stored; see the layout above.
struct Head:
    word: uint256
    root: bytes32


MAX_SIZE: constant(uint256) = 2**48
SIZE_MASK: constant(uint256) = 2**48 - 1
MAX_PROOF: constant(uint256) = 63
PLACE_SHIFT: constant(uint256) = 144

# @dev SHA-256 of nothing: the root of the empty tree.
EMPTY_ROOT: constant(bytes32) = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

# @notice The consortium whose anchor keys may write here.
consortium: public(immutable(address))

# @dev Heads by origin id.
heads: HashMap[bytes32, Head]


@deploy
def __init__(consortium_address: address):
    """
    @notice Bind the heads to a consortium, for ever.
    @param consortium_address Address of the consortium contract.
    """
    assert consortium_address.is_contract, "NotContract"
    consortium = consortium_address


@external
def anchor(origin: bytes32, size: uint64, root: bytes32, proof: DynArray[bytes32, MAX_PROOF + 1]):
    """
    @notice Accept a new head of a log.
    @param origin Id of the origin.
    @param size Number of entries, below 2^48.
    @param root Root of the tree of that size.
    @param proof Consistency proof from the last accepted head, at most 63 hashes; none from size 0. The bound is one
           more so that the refusal has a name.
    """
    assert len(proof) <= MAX_PROOF, "ProofTooLong"
    new_size: uint256 = convert(size, uint256)
    assert new_size < MAX_SIZE, "SizeTooLarge"
    last: Head = self.heads[origin]
    old_size: uint256 = last.word & SIZE_MASK
    place: uint256 = last.word >> PLACE_SHIFT
    # that the consortium is a contract was checked once and for all
    if place == 0:
        place = staticcall AnchorAuthority(consortium).authorise(origin, msg.sender, skip_contract_check=True)
        last.root = EMPTY_ROOT
    else:
        place = staticcall AnchorAuthority(consortium).authorise_at(place, msg.sender, skip_contract_check=True)
    if new_size <= old_size:
        assert new_size == old_size, "Shrunk"
        assert root != last.root, "RepeatedHead"
        raise "Fork"
    if old_size == 0:
        assert len(proof) == 0, "Fork"
    else:
        # RFC 9162, section 2.1.4.2, inline because a call would copy the proof. `node` is its fn; `apart` is the
        # exclusive or of its fn and sn. While they are apart, each level takes one hash; once they have met, only left
        # siblings are left, one for each set bit of `node`, so that clearing the lowest replaces the section's shifts.
        # Below the lowest set bit of the old size its last node heads a full subtree, which both trees share.
        full: uint256 = old_size & unsafe_sub(0, old_size)
        node: uint256 = unsafe_sub(unsafe_div(old_size, full), 1)
        apart: uint256 = node ^ unsafe_div(unsafe_sub(new_size, 1), full)
        # That subtree's hash comes first in the proof, unless it is the whole old tree.
        started: bool = node == 0
        old: bytes32 = last.root
        new: bytes32 = last.root
        for sibling: bytes32 in proof:
            if not started:
                started = True
                old = sibling
                new = sibling
            elif apart == 0:
                assert node != 0, "Fork"
                node = node & unsafe_sub(node, 1)
                old = sha256(concat(0x01, sibling, old))
                new = sha256(concat(0x01, sibling, new))
            else:
                apart = apart >> 1
                if node & 1 == 0:
                    new = sha256(concat(0x01, new, sibling))
                else:
                    old = sha256(concat(0x01, sibling, old))
                    new = sha256(concat(0x01, sibling, new))
                node = node >> 1
        assert node == 0 and apart == 0 and old == last.root and new == root, "Fork"
    self.heads[origin] = Head(
        word=new_size | (block.number << 48) | (block.timestamp << 96) | (place << PLACE_SHIFT), root=root
    )
    log Anchored(origin=origin, size=size, root=root)


@external
@view
def head(origin: bytes32) -> (uint64, bytes32, uint64, uint64):
    """
    @notice Read the head of a log.
    @param origin Id of the origin.
    @return Size, root, and the number and timestamp of the block that accepted it; all zero if there is none.
    """
    last: Head = self.heads[origin]
    return (
        convert(last.word & SIZE_MASK, uint64),
        last.root,
        convert((last.word >> 48) & SIZE_MASK, uint64),
        convert((last.word >> 96) & SIZE_MASK, uint64),
    )
