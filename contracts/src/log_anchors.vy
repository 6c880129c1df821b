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


interface AnchorAuthority:
    def authorise(origin: bytes32, sender: address) -> uint256: view
    def authorise_at(place: uint256, sender: address) -> bool: view


event Anchored:
    origin: indexed(bytes32)
    size: uint64
    root: bytes32


struct Head:
    word: uint256
    root: bytes32


MAX_SIZE: constant(uint256) = 2**48
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
    word: uint256 = self.heads[origin].word
    place: uint256 = word >> PLACE_SHIFT
    if word == 0:
        place = staticcall AnchorAuthority(consortium).authorise(origin, msg.sender)
        if new_size == 0:
            assert root != EMPTY_ROOT, "RepeatedHead"
            raise "Fork"
        assert len(proof) == 0, "Fork"
    else:
        # whether the consortium is a contract was checked once and for all
        allowed: bool = staticcall AnchorAuthority(consortium).authorise_at(place, msg.sender, skip_contract_check=True)
        old_size: uint256 = word & (MAX_SIZE - 1)
        assert new_size >= old_size, "Shrunk"
        old_root: bytes32 = self.heads[origin].root
        if new_size == old_size:
            assert root != old_root, "RepeatedHead"
            raise "Fork"
        self._verify_consistency(old_size, new_size, old_root, root, proof)
    self.heads[origin].word = new_size | (block.number << 48) | (block.timestamp << 96) | (place << PLACE_SHIFT)
    self.heads[origin].root = root
    log Anchored(origin=origin, size=size, root=root)


@external
@view
def head(origin: bytes32) -> (uint64, bytes32, uint64, uint64):
    """
    @notice Read the head of a log.
    @param origin Id of the origin.
    @return Size, root, and the number and timestamp of the block that accepted it; all zero if there is none.
    """
    word: uint256 = self.heads[origin].word
    return (
        convert(word & (MAX_SIZE - 1), uint64),
        self.heads[origin].root,
        convert((word >> 48) & (MAX_SIZE - 1), uint64),
        convert((word >> 96) & (MAX_SIZE - 1), uint64),
    )


@external
@pure
def check_consistency(
    old_size: uint64, new_size: uint64, old_root: bytes32, new_root: bytes32, proof: DynArray[bytes32, MAX_PROOF + 1]
):
    """
    @notice Verify a consistency proof as `anchor` does; reverts with `Fork` unless it holds.
    @param old_size Size of the older tree, above 0 and below the newer.
    @param new_size Size of the newer tree, below 2^48.
    @param old_root Root of the older tree.
    @param new_root Root of the newer tree.
    @param proof The hashes.
    """
    assert len(proof) <= MAX_PROOF, "ProofTooLong"
    assert convert(new_size, uint256) < MAX_SIZE, "SizeTooLarge"
    assert old_size != 0 and old_size < new_size, "Shrunk"
    self._verify_consistency(
        convert(old_size, uint256), convert(new_size, uint256), old_root, new_root, proof
    )


@internal
@pure
def _verify_consistency(
    old_size: uint256, new_size: uint256, old_root: bytes32, new_root: bytes32, proof: DynArray[bytes32, MAX_PROOF + 1]
):
    """
    @dev RFC 9162, section 2.1.4.2, for 0 < old_size < new_size. `node` and `last` are that section's fn and sn. While
         they differ every level takes one hash; once they are equal only left siblings are left, one for each set bit,
         so clearing the lowest one replaces the section's shifts.
    """
    node: uint256 = unsafe_sub(old_size, 1)
    last: uint256 = unsafe_sub(new_size, 1)
    # the levels on which the old tree's last node is a right child lie inside a subtree that both trees share
    for level: uint256 in range(48):
        if node & 1 == 0:
            break
        node = node >> 1
        last = last >> 1
    first: uint256 = 0
    old: bytes32 = old_root
    if node != 0:
        assert len(proof) != 0, "Fork"
        old = proof[0]
        first = 1
    new: bytes32 = old
    for i: uint256 in range(first, len(proof), bound=MAX_PROOF + 1):
        sibling: bytes32 = proof[i]
        if node == last:
            assert node != 0, "Fork"
            node = node & unsafe_sub(node, 1)
            last = node
            old = sha256(concat(b"\x01", sibling, old))
            new = sha256(concat(b"\x01", sibling, new))
        elif node & 1 == 1:
            node = node >> 1
            last = last >> 1
            old = sha256(concat(b"\x01", sibling, old))
            new = sha256(concat(b"\x01", sibling, new))
        else:
            node = node >> 1
            last = last >> 1
            new = sha256(concat(b"\x01", new, sibling))
    assert node == 0 and last == 0 and old == old_root and new == new_root, "Fork"
