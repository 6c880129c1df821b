# pragma version 0.4.3
# pragma evm-version london
# pragma optimize gas
"""
@title Consortium: who is a member, with which keys, and which log origins are whose
@license Apache-2.0
@author Concord contributors
@notice Institutions, their roles and their keys with overlapping rotation and full history, the origins of their logs,
        and the proposals by which M of the N active institutions admit, suspend and reinstate members, change roles,
        add and close origins, and register kinds and catalogues. A suspended institution can no longer write.
@dev Ids are computed here and never given: institution id = keccak256(identifier), origin id = keccak256(origin).
     A vote belongs to the institution, not to the key that cast it. Nothing is ever deleted: numbers, ids, keys and
     proposals are append-only. The contract calls no other contract and holds no value. No clinical data.
"""


# ---------------------------------------------------------------- constants

# @dev Roles, one bit each: hospital 1, primary-care 2, diagnostic-centre 4, pharmacy 8, insurer 16, logistics 32,
#      licensing 64, code-service 128, regulator 256.
ALL_ROLES: constant(uint256) = 511
REGULATOR: constant(uint256) = 256

# @dev Status of an institution.
ACTIVE: constant(uint256) = 1
SUSPENDED: constant(uint256) = 2

# @dev Kinds of key. Chain and anchor keys are addresses (left-padded to 32 bytes), the others 32-byte public keys.
KEY_CHAIN: constant(uint256) = 1
KEY_ANCHOR: constant(uint256) = 2
KEY_LOG: constant(uint256) = 3
KEY_COSIGN: constant(uint256) = 4
KEY_EXCHANGE: constant(uint256) = 5
KEY_REQUEST: constant(uint256) = 6
KEY_AUDIT: constant(uint256) = 7

# @dev What a proposal does.
ADMIT: constant(uint256) = 1
SUSPEND: constant(uint256) = 2
REINSTATE: constant(uint256) = 3
CHANGE_ROLES: constant(uint256) = 4
ADD_ORIGIN: constant(uint256) = 5
CLOSE_ORIGIN: constant(uint256) = 6
REGISTER_KIND: constant(uint256) = 7
REGISTER_CATALOGUE: constant(uint256) = 8
CHANGE_THRESHOLD: constant(uint256) = 9
REPLACE_CHAIN_KEY: constant(uint256) = 10

MAX_FOUNDERS: constant(uint256) = 16
MAX_CHUNKS: constant(uint256) = 16
MAX_INSTITUTIONS: constant(uint256) = MAX_CHUNKS * 256
MAX_ORIGINS: constant(uint256) = 32
MAX_SIZE: constant(uint256) = 2**48
MAX_OVERLAP_S: constant(uint256) = 90 * 86_400
PROPOSAL_LIFETIME_S: constant(uint256) = 14 * 86_400

# @dev Layout of a member word: the one slot that an anchor reads.
#      bits 0-159 current anchor key, 160-191 one bit per origin that is open, 192-207 roles, 208-215 status,
#      216-223 number of origins ever added.
ADDRESS_MASK: constant(uint256) = 2**160 - 1
OPEN_SHIFT: constant(uint256) = 160
ROLES_SHIFT: constant(uint256) = 192
STATUS_SHIFT: constant(uint256) = 208
COUNT_SHIFT: constant(uint256) = 216


# ---------------------------------------------------------------- types

# @notice A founding institution.
struct Founder:
    identifier: String[64]
    roles: uint256
    chain_key: address

# @notice What `institution` returns; the chain key is the current one.
struct Institution:
    number: uint256
    identifier: String[64]
    roles: uint256
    status: uint256
    chain_key: address
    origins: uint256

# @notice A key of the history.
struct Key:
    value: bytes32
    valid_from: uint64
    valid_until: uint64  # exclusive; 0 while no end is set

# @notice A log; the last four members are set when it is closed.
struct Origin:
    place: uint256  # (institution number + 1) * 256 + position among its origins
    name: String[128]
    endpoint: String[256]
    closed: bool
    final_size: uint64
    final_root: bytes32
    successor: bytes32

# @notice A version of a kind or a catalogue.
struct Entry:
    name: String[64]
    digest: bytes32
    registered_at: uint64

# @notice What was proposed; each action uses the members that it needs.
struct Proposal:
    action: uint256
    proposer: bytes32  # institution id
    expires_at: uint64
    executed: bool
    subject: bytes32  # institution id, origin id or keccak256 of a name
    amount: uint256  # roles, final size or threshold
    value: bytes32  # chain key, final root, digest, or the institution of a new origin
    successor: bytes32  # origin that succeeds a closed one
    name: String[64]  # identifier of an institution, or name of a kind or catalogue
    origin: String[128]
    endpoint: String[256]


# ---------------------------------------------------------------- events

# @notice An institution was admitted, active.
event InstitutionAdmitted:
    institution: indexed(bytes32)
    number: uint256
    identifier: String[64]
    roles: uint256
    chain_key: address

# @notice An institution was suspended.
event InstitutionSuspended:
    institution: indexed(bytes32)

# @notice A suspended institution was reinstated.
event InstitutionReinstated:
    institution: indexed(bytes32)

# @notice An institution has other roles; these are all of them.
event RolesChanged:
    institution: indexed(bytes32)
    roles: uint256

# @notice An institution has a new key.
event KeyRegistered:
    institution: indexed(bytes32)
    kind: indexed(uint256)
    index: uint256
    value: bytes32
    valid_from: uint64

# @notice The end of a key was set, or brought forward.
event KeyEnded:
    institution: indexed(bytes32)
    kind: indexed(uint256)
    index: uint256
    value: bytes32
    valid_until: uint64

# @notice A log origin was added, open.
event OriginAdded:
    origin: indexed(bytes32)
    institution: indexed(bytes32)
    name: String[128]
    endpoint: String[256]

# @notice A log is served elsewhere.
event EndpointChanged:
    origin: indexed(bytes32)
    endpoint: String[256]

# @notice An origin was closed; evidence for indices from the final size on is void.
event OriginClosed:
    origin: indexed(bytes32)
    final_size: uint64
    final_root: bytes32
    successor: bytes32

# @notice A kind was registered, or a new version of it.
event KindRegistered:
    index: uint256
    name: String[64]
    digest: bytes32

# @notice A catalogue was registered, or a new version of it.
event CatalogueRegistered:
    index: uint256
    name: String[64]
    digest: bytes32

# @notice Another number of votes carries a proposal.
event ThresholdChanged:
    threshold: uint256

# @notice A proposal was made; the proposer's vote follows.
event Proposed:
    proposal: indexed(uint256)
    action: indexed(uint256)
    proposer: indexed(bytes32)
    subject: bytes32
    expires_at: uint64

# @notice An institution voted for a proposal.
event Voted:
    proposal: indexed(uint256)
    institution: indexed(bytes32)

# @notice A proposal was carried; the events of what it did follow.
event Executed:
    proposal: indexed(uint256)
    votes: uint256


# ---------------------------------------------------------------- state

# @notice How many votes of active institutions carry a proposal.
threshold: public(uint256)

# @notice How many institutions are active.
active_count: public(uint256)

# @notice How many institutions were ever admitted; their numbers are 0 to this less one.
institution_count: public(uint256)

# @notice How many origins were ever added.
origin_count: public(uint256)

# @notice How many proposals were ever made; their numbers are 0 to this less one.
proposal_count: public(uint256)

# @notice Institution id by number.
institution_at: public(HashMap[uint256, bytes32])

# @notice Origin id by order of addition.
origin_at: public(HashMap[uint256, bytes32])

# @dev Number + 1 by institution id; 0 is unknown.
numbers: HashMap[bytes32, uint256]

# @dev Member word by number: see the layout above.
members: HashMap[uint256, uint256]

# @dev Identifier by number.
identifiers: HashMap[uint256, String[64]]

# @dev Number + 1 by every address that ever was a chain key. An address serves one institution, once.
chain_key_owners: HashMap[address, uint256]

# @dev Bit n % 256 of chunk n / 256 is set while institution n is active.
active: uint256[MAX_CHUNKS]

# @dev Keys by number * 256 + kind, then by index, and how many there are.
keys: HashMap[uint256, HashMap[uint256, Key]]
key_counts: HashMap[uint256, uint256]

# @dev Origins by id.
origins: HashMap[bytes32, Origin]

# @dev Kinds and catalogues, by action, then by index; how many; and the newest digest by action and name.
entries: HashMap[uint256, HashMap[uint256, Entry]]
entry_counts: HashMap[uint256, uint256]
newest_digests: HashMap[uint256, HashMap[bytes32, bytes32]]

# @dev Proposals by number, and who voted: bit n % 256 of chunk n / 256.
proposals: HashMap[uint256, Proposal]
votes: HashMap[uint256, HashMap[uint256, uint256]]


# ---------------------------------------------------------------- constructor

@deploy
def __init__(founders: DynArray[Founder, MAX_FOUNDERS], threshold: uint256):
    """
    @notice Found the consortium with its first institutions.
    @param founders Identifier, roles and chain key of each; the other keys each founder registers itself.
    @param threshold How many of the active institutions carry a proposal: 1 to the number of founders.
    """
    for founder: Founder in founders:
        self._check_admission(founder.identifier, founder.roles, founder.chain_key)
        self._admit(founder.identifier, founder.roles, founder.chain_key)
    self._check_threshold(threshold)
    self._set_threshold(threshold)


# ---------------------------------------------------------------- proposals

@external
def propose_admit(identifier: String[64], roles: uint256, chain_key: address) -> uint256:
    """
    @notice Propose to admit an institution.
    @param identifier Its identifier; its id is the keccak256 of it.
    @param roles Bit mask of its roles.
    @param chain_key The address that will vote for it and administer it.
    @return Number of the proposal.
    """
    p: Proposal = self._draft(ADMIT, keccak256(identifier))
    p.name = identifier
    p.amount = roles
    p.value = convert(chain_key, bytes32)
    return self._open(p)


@external
def propose_suspend(institution: bytes32) -> uint256:
    """
    @notice Propose to suspend an institution: it can no longer anchor, register keys, propose or vote.
    @param institution Its id.
    @return Number of the proposal.
    """
    return self._open(self._draft(SUSPEND, institution))


@external
def propose_reinstate(institution: bytes32) -> uint256:
    """
    @notice Propose to reinstate a suspended institution.
    @param institution Its id.
    @return Number of the proposal.
    """
    return self._open(self._draft(REINSTATE, institution))


@external
def propose_change_roles(institution: bytes32, roles: uint256) -> uint256:
    """
    @notice Propose to change an institution's roles. Taking the regulator role away ends its audit keys.
    @param institution Its id.
    @param roles Bit mask of all roles that it shall have.
    @return Number of the proposal.
    """
    p: Proposal = self._draft(CHANGE_ROLES, institution)
    p.amount = roles
    return self._open(p)


@external
def propose_add_origin(institution: bytes32, origin: String[128], endpoint: String[256]) -> uint256:
    """
    @notice Propose to add a log origin for an institution.
    @param institution Its id.
    @param origin The origin line of the log's checkpoints; its id is the keccak256 of it.
    @param endpoint URL under which the log is served.
    @return Number of the proposal.
    """
    p: Proposal = self._draft(ADD_ORIGIN, keccak256(origin))
    p.value = institution
    p.origin = origin
    p.endpoint = endpoint
    return self._open(p)


@external
def propose_close_origin(origin: bytes32, final_size: uint64, final_root: bytes32, successor: bytes32) -> uint256:
    """
    @notice Propose to close an origin at its final good size. Evidence for later indices is void from then on.
    @param origin Its id.
    @param final_size Number of entries that stay good; the voters have checked it, it need not be an anchored size.
    @param final_root Root of the tree of that size.
    @param successor Id of the open origin that goes on, or zero.
    @return Number of the proposal.
    """
    p: Proposal = self._draft(CLOSE_ORIGIN, origin)
    p.amount = convert(final_size, uint256)
    p.value = final_root
    p.successor = successor
    return self._open(p)


@external
def propose_register_kind(name: String[64], digest: bytes32) -> uint256:
    """
    @notice Propose to register a kind, or a new version of one.
    @param name Name of the kind.
    @param digest SHA-256 of its definition.
    @return Number of the proposal.
    """
    p: Proposal = self._draft(REGISTER_KIND, keccak256(name))
    p.name = name
    p.value = digest
    return self._open(p)


@external
def propose_register_catalogue(name: String[64], digest: bytes32) -> uint256:
    """
    @notice Propose to register a catalogue, or a new version of one.
    @param name Name of the catalogue.
    @param digest SHA-256 of its bytes.
    @return Number of the proposal.
    """
    p: Proposal = self._draft(REGISTER_CATALOGUE, keccak256(name))
    p.name = name
    p.value = digest
    return self._open(p)


@external
def propose_change_threshold(threshold: uint256) -> uint256:
    """
    @notice Propose to change how many votes carry a proposal.
    @param threshold 1 to the number of active institutions.
    @return Number of the proposal.
    """
    p: Proposal = self._draft(CHANGE_THRESHOLD, empty(bytes32))
    p.amount = threshold
    return self._open(p)


@external
def propose_replace_chain_key(institution: bytes32, chain_key: address) -> uint256:
    """
    @notice Propose to replace a chain key that was lost or stolen. The former ones end at once.
    @param institution Id of the institution.
    @param chain_key Its new chain key.
    @return Number of the proposal.
    """
    p: Proposal = self._draft(REPLACE_CHAIN_KEY, institution)
    p.value = convert(chain_key, bytes32)
    return self._open(p)


@external
def vote(proposal: uint256) -> bool:
    """
    @notice Vote for a proposal. The vote that reaches the threshold executes it.
    @param proposal Its number.
    @return Whether it was executed.
    """
    number: uint256 = self._voter()
    self._check_open(proposal)
    return self._cast(proposal, number)


@external
def execute(proposal: uint256):
    """
    @notice Execute an open proposal whose votes suffice since the threshold or the membership changed.
    @param proposal Its number.
    """
    self._voter()
    self._check_open(proposal)
    votes: uint256 = self._tally(proposal)
    assert votes >= self.threshold, "NotEnoughVotes"
    self._execute(proposal, votes)


# ---------------------------------------------------------------- what an institution administers itself

@external
def register_key(kind: uint256, key: bytes32, overlap_s: uint256):
    """
    @notice Register the caller's new key of a kind, valid from now. Its last one stays valid for the overlap, any
            earlier one ends. Only the current chain key may do this, not one in its overlap.
    @param kind Kind of key, 1 to 7.
    @param key The key; an address left-padded to 32 bytes for kinds 1 and 2.
    @param overlap_s Seconds for which the last key stays valid; at most 90 days, 0 if it was stolen.
    """
    number: uint256 = self._administrator()
    assert kind >= KEY_CHAIN and kind <= KEY_AUDIT, "UnknownKeyKind"
    assert overlap_s <= MAX_OVERLAP_S, "OverlapTooLong"
    if kind == KEY_AUDIT:
        assert (self.members[number] >> ROLES_SHIFT) & REGULATOR != 0, "NotRegulator"
    self._check_key(kind, key)
    series: uint256 = number * 256 + kind
    count: uint256 = self.key_counts[series]
    if count != 0:
        last: Key = self.keys[series][count - 1]
        # a key that was ended (with the regulator role, say) may come back
        assert last.value != key or last.valid_until != 0, "RepeatedKey"
    self._set_key(number, kind, key, overlap_s)


@external
def end_overlap(kind: uint256):
    """
    @notice End the overlap of the caller's former key of a kind now.
    @param kind Kind of key.
    """
    number: uint256 = self._administrator()
    series: uint256 = number * 256 + kind
    count: uint256 = self.key_counts[series]
    assert count >= 2, "NoOverlap"
    assert self._is_valid(self.keys[series][count - 2]), "NoOverlap"
    self._end_key(number, kind, count - 2, block.timestamp)


@external
def change_endpoint(origin: bytes32, endpoint: String[256]):
    """
    @notice Change the URL under which a log of the caller is served.
    @param origin Id of the origin.
    @param endpoint The new URL.
    """
    number: uint256 = self._administrator()
    place: uint256 = self.origins[origin].place
    assert place != 0, "UnknownOrigin"
    assert (place >> 8) - 1 == number, "NotOwner"
    assert not self.origins[origin].closed, "OriginClosed"
    assert len(endpoint) != 0, "EmptyText"
    self.origins[origin].endpoint = endpoint
    log EndpointChanged(origin=origin, endpoint=endpoint)


# ---------------------------------------------------------------- what log_anchors asks

@external
@view
def authorise(origin: bytes32, sender: address) -> uint256:
    """
    @notice Check that an address may anchor for an origin now.
    @param origin Id of the origin.
    @param sender The address.
    @return Place of the origin, which never changes; `authorise_at` is cheaper with it.
    """
    place: uint256 = self.origins[origin].place
    assert place != 0, "UnknownOrigin"
    self._check_anchor(place, sender)
    return place


@external
@view
def authorise_at(place: uint256, sender: address) -> uint256:
    """
    @notice Check that an address may anchor for the origin at a place now.
    @param place What `authorise` returned for the origin.
    @param sender The address.
    @return The place.
    """
    self._check_anchor(place, sender)
    return place


# ---------------------------------------------------------------- views

@external
@view
def institution(id: bytes32) -> Institution:
    """
    @notice Read an institution.
    @param id Its id.
    @return Number, identifier, roles, status, current chain key and the number of its origins.
    """
    number: uint256 = self._number(id)
    word: uint256 = self.members[number]
    series: uint256 = number * 256 + KEY_CHAIN
    chain_key: bytes32 = self.keys[series][self.key_counts[series] - 1].value
    return Institution(
        number=number,
        identifier=self.identifiers[number],
        roles=(word >> ROLES_SHIFT) & 65535,
        status=(word >> STATUS_SHIFT) & 255,
        chain_key=convert(convert(chain_key, uint160), address),
        origins=(word >> COUNT_SHIFT) & 255,
    )


@external
@view
def key_count(institution: bytes32, kind: uint256) -> uint256:
    """
    @notice Count all keys of a kind that an institution ever registered.
    @param institution Its id.
    @param kind Kind of key.
    @return How many.
    """
    return self.key_counts[self._number(institution) * 256 + kind]


@external
@view
def key_at(institution: bytes32, kind: uint256, index: uint256) -> Key:
    """
    @notice Read a key of an institution's history.
    @param institution Its id.
    @param kind Kind of key.
    @param index Index, 0 the oldest.
    @return Value, valid from, and valid until (exclusive, 0 while no end is set); unix seconds.
    """
    series: uint256 = self._number(institution) * 256 + kind
    assert index < self.key_counts[series], "UnknownKey"
    return self.keys[series][index]


@external
@view
def origin(id: bytes32) -> (bytes32, Origin):
    """
    @notice Read an origin.
    @param id Its id.
    @return Id of its institution, and the origin.
    """
    origin: Origin = self.origins[id]
    assert origin.place != 0, "UnknownOrigin"
    return self.institution_at[(origin.place >> 8) - 1], origin


@external
@view
def proposal(number: uint256) -> Proposal:
    """
    @notice Read a proposal.
    @param number Its number.
    @return The proposal.
    """
    assert number < self.proposal_count, "UnknownProposal"
    return self.proposals[number]


@external
@view
def tally(proposal: uint256) -> uint256:
    """
    @notice Count the votes of institutions that are active now.
    @param proposal Number of the proposal.
    @return How many.
    """
    assert proposal < self.proposal_count, "UnknownProposal"
    return self._tally(proposal)


@external
@view
def has_voted(proposal: uint256, institution: bytes32) -> bool:
    """
    @notice Say whether an institution voted for a proposal.
    @param proposal Number of the proposal.
    @param institution Its id.
    @return Whether it did, active or not.
    """
    number: uint256 = self._number(institution)
    return (self.votes[proposal][number >> 8] >> (number & 255)) & 1 == 1


@external
@view
def kind_count() -> uint256:
    """
    @notice Count the registered kinds, all versions.
    @return How many.
    """
    return self.entry_counts[REGISTER_KIND]


@external
@view
def kind_at(index: uint256) -> Entry:
    """
    @notice Read a registered kind.
    @param index Index, 0 the oldest; the newest entry of a name holds.
    @return Name, digest, and when it was registered, unix seconds.
    """
    assert index < self.entry_counts[REGISTER_KIND], "UnknownEntry"
    return self.entries[REGISTER_KIND][index]


@external
@view
def catalogue_count() -> uint256:
    """
    @notice Count the registered catalogues, all versions.
    @return How many.
    """
    return self.entry_counts[REGISTER_CATALOGUE]


@external
@view
def catalogue_at(index: uint256) -> Entry:
    """
    @notice Read a registered catalogue.
    @param index Index, 0 the oldest; the newest entry of a name holds.
    @return Name, digest, and when it was registered, unix seconds.
    """
    assert index < self.entry_counts[REGISTER_CATALOGUE], "UnknownEntry"
    return self.entries[REGISTER_CATALOGUE][index]


# ---------------------------------------------------------------- internal: who is calling

@internal
@view
def _number(institution: bytes32) -> uint256:
    """
    @dev Look up the number of a known institution.
    """
    found: uint256 = self.numbers[institution]
    assert found != 0, "UnknownInstitution"
    return found - 1


@internal
@view
def _is_valid(key: Key) -> bool:
    """
    @dev Say whether a registered key is valid now. It was never registered for a later time.
    """
    return key.valid_until == 0 or block.timestamp < convert(key.valid_until, uint256)


@internal
@view
def _voter() -> uint256:
    """
    @dev Number of the active institution whose current or overlapping chain key is calling.
    """
    found: uint256 = self.chain_key_owners[msg.sender]
    assert found != 0, "NotMember"
    number: uint256 = found - 1
    series: uint256 = number * 256 + KEY_CHAIN
    count: uint256 = self.key_counts[series]
    caller: bytes32 = convert(msg.sender, bytes32)
    if self.keys[series][count - 1].value != caller:
        former: Key = self.keys[series][count - 2]
        assert former.value == caller and self._is_valid(former), "NotMember"
    assert (self.members[number] >> STATUS_SHIFT) & 255 == ACTIVE, "Suspended"
    return number


@internal
@view
def _administrator() -> uint256:
    """
    @dev Number of the active institution whose current chain key is calling: a key in its overlap may vote, but could
         otherwise, once stolen, take the institution over.
    """
    number: uint256 = self._voter()
    series: uint256 = number * 256 + KEY_CHAIN
    current: bytes32 = self.keys[series][self.key_counts[series] - 1].value
    assert current == convert(msg.sender, bytes32), "FormerKey"
    return number


@internal
@view
def _check_anchor(place: uint256, sender: address):
    """
    @dev One storage read when the sender is the current anchor key.
    """
    number: uint256 = unsafe_sub(place >> 8, 1)
    word: uint256 = self.members[number]
    assert (word >> unsafe_add(OPEN_SHIFT, place & 255)) & 1 == 1, "OriginClosed"
    assert (word >> STATUS_SHIFT) & 255 == ACTIVE, "Suspended"
    if word & ADDRESS_MASK != convert(sender, uint256):
        series: uint256 = number * 256 + KEY_ANCHOR
        count: uint256 = self.key_counts[series]
        assert count >= 2, "NotAnchorKey"
        former: Key = self.keys[series][count - 2]
        assert former.value == convert(sender, bytes32) and self._is_valid(former), "NotAnchorKey"


# ---------------------------------------------------------------- internal: proposals

@internal
@pure
def _draft(action: uint256, subject: bytes32) -> Proposal:
    """
    @dev An empty proposal.
    """
    p: Proposal = empty(Proposal)
    p.action = action
    p.subject = subject
    return p


@internal
def _open(draft: Proposal) -> uint256:
    """
    @dev Check and store a proposal; the proposer votes for it.
    """
    number: uint256 = self._voter()
    self._check(draft)
    p: Proposal = draft
    p.proposer = self.institution_at[number]
    p.expires_at = convert(block.timestamp + PROPOSAL_LIFETIME_S, uint64)
    proposal: uint256 = self.proposal_count
    self.proposals[proposal] = p
    self.proposal_count = proposal + 1
    log Proposed(
        proposal=proposal, action=p.action, proposer=p.proposer, subject=p.subject, expires_at=p.expires_at
    )
    self._cast(proposal, number)
    return proposal


@internal
@view
def _check_open(proposal: uint256):
    """
    @dev Refuse a proposal that is unknown, executed or expired.
    """
    assert proposal < self.proposal_count, "UnknownProposal"
    assert not self.proposals[proposal].executed, "ProposalClosed"
    assert block.timestamp < convert(self.proposals[proposal].expires_at, uint256), "ProposalExpired"


@internal
def _cast(proposal: uint256, number: uint256) -> bool:
    """
    @dev Record the vote of an institution and execute the proposal if it is carried.
    """
    chunk: uint256 = number >> 8
    bit: uint256 = 1 << (number & 255)
    assert self.votes[proposal][chunk] & bit == 0, "AlreadyVoted"
    self.votes[proposal][chunk] |= bit
    log Voted(proposal=proposal, institution=self.institution_at[number])
    votes: uint256 = self._tally(proposal)
    if votes < self.threshold:
        return False
    self._execute(proposal, votes)
    return True


@internal
@view
def _tally(proposal: uint256) -> uint256:
    """
    @dev Votes of institutions that are active now: those of suspended ones do not count.
    """
    votes: uint256 = 0
    chunks: uint256 = (self.institution_count + 255) >> 8
    for chunk: uint256 in range(chunks, bound=MAX_CHUNKS):
        votes += self._count_ones(self.votes[proposal][chunk] & self.active[chunk])
    return votes


@internal
@pure
def _count_ones(bits: uint256) -> uint256:
    """
    @dev Count set bits: pairs, nibbles, bytes, then 16-bit lanes, which can hold 256, summed by a multiplication.
    """
    x: uint256 = bits
    x = unsafe_sub(x, (x >> 1) & convert(0x5555555555555555555555555555555555555555555555555555555555555555, uint256))
    x = unsafe_add(
        x & convert(0x3333333333333333333333333333333333333333333333333333333333333333, uint256),
        (x >> 2) & convert(0x3333333333333333333333333333333333333333333333333333333333333333, uint256),
    )
    x = unsafe_add(x, x >> 4) & convert(0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f, uint256)
    x = unsafe_add(x, x >> 8) & convert(0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff, uint256)
    return unsafe_mul(x, convert(0x0001000100010001000100010001000100010001000100010001000100010001, uint256)) >> 240


@internal
def _execute(proposal: uint256, votes: uint256):
    """
    @dev Check a carried proposal against the present state, then apply it.
    """
    p: Proposal = self.proposals[proposal]
    self._check(p)
    self.proposals[proposal].executed = True
    log Executed(proposal=proposal, votes=votes)
    if p.action == ADMIT:
        self._admit(p.name, p.amount, self._address(p.value))
    elif p.action == SUSPEND:
        self._set_status(self._number(p.subject), SUSPENDED)
        log InstitutionSuspended(institution=p.subject)
    elif p.action == REINSTATE:
        self._set_status(self._number(p.subject), ACTIVE)
        log InstitutionReinstated(institution=p.subject)
    elif p.action == CHANGE_ROLES:
        self._change_roles(self._number(p.subject), p.amount)
    elif p.action == ADD_ORIGIN:
        self._add_origin(p)
    elif p.action == CLOSE_ORIGIN:
        self._close_origin(p)
    elif p.action == CHANGE_THRESHOLD:
        self._set_threshold(p.amount)
    elif p.action == REPLACE_CHAIN_KEY:
        self._set_key(self._number(p.subject), KEY_CHAIN, p.value, 0)
    else:
        self._register(p)


@internal
@view
def _check(p: Proposal):
    """
    @dev Refuse a proposal that could not be applied now: when it is made, and again when it is carried.
    """
    if p.action == ADMIT:
        self._check_admission(p.name, p.amount, self._address(p.value))
    elif p.action == SUSPEND:
        assert self._status(p.subject) == ACTIVE, "Suspended"
        # or the rest could carry nothing any more
        assert self.active_count > self.threshold, "BelowThreshold"
    elif p.action == REINSTATE:
        assert self._status(p.subject) == SUSPENDED, "NotSuspended"
    elif p.action == CHANGE_ROLES:
        self._number(p.subject)
        assert p.amount != 0 and p.amount <= ALL_ROLES, "BadRoles"
    elif p.action == ADD_ORIGIN:
        assert len(p.origin) != 0 and len(p.endpoint) != 0, "EmptyText"
        assert self.origins[p.subject].place == 0, "OriginExists"
        assert (self.members[self._number(p.value)] >> COUNT_SHIFT) & 255 < MAX_ORIGINS, "TooManyOrigins"
    elif p.action == CLOSE_ORIGIN:
        assert p.amount < MAX_SIZE, "SizeTooLarge"
        self._check_origin_open(p.subject)
        if p.successor != empty(bytes32):
            assert p.successor != p.subject, "BadSuccessor"
            self._check_origin_open(p.successor)
    elif p.action == CHANGE_THRESHOLD:
        self._check_threshold(p.amount)
    elif p.action == REPLACE_CHAIN_KEY:
        self._number(p.subject)
        self._check_key(KEY_CHAIN, p.value)
    else:
        assert len(p.name) != 0, "EmptyText"
        assert p.value != empty(bytes32), "BadDigest"
        assert self.newest_digests[p.action][p.subject] != p.value, "AlreadyRegistered"


@internal
@view
def _check_admission(identifier: String[64], roles: uint256, chain_key: address):
    """
    @dev Refuse an institution that cannot be admitted.
    """
    assert len(identifier) != 0, "EmptyText"
    assert self.numbers[keccak256(identifier)] == 0, "InstitutionExists"
    assert self.institution_count < MAX_INSTITUTIONS, "TooManyInstitutions"
    assert roles != 0 and roles <= ALL_ROLES, "BadRoles"
    self._check_key(KEY_CHAIN, convert(chain_key, bytes32))


@internal
@view
def _check_key(kind: uint256, key: bytes32):
    """
    @dev Refuse a zero key, one that is not an address where one is due, and a chain key that ever was one.
    """
    assert key != empty(bytes32), "BadKey"
    if kind == KEY_CHAIN or kind == KEY_ANCHOR:
        assert convert(key, uint256) <= ADDRESS_MASK, "BadKey"
    if kind == KEY_CHAIN:
        assert self.chain_key_owners[self._address(key)] == 0, "KeyInUse"


@internal
@view
def _check_threshold(threshold: uint256):
    """
    @dev Refuse a threshold that the active institutions could not reach, or that needs no vote.
    """
    assert threshold != 0 and threshold <= self.active_count, "BadThreshold"


@internal
@view
def _check_origin_open(origin: bytes32):
    """
    @dev Refuse an origin that is unknown or closed.
    """
    assert self.origins[origin].place != 0, "UnknownOrigin"
    assert not self.origins[origin].closed, "OriginClosed"


@internal
@view
def _status(institution: bytes32) -> uint256:
    """
    @dev Status of a known institution.
    """
    return (self.members[self._number(institution)] >> STATUS_SHIFT) & 255


@internal
@pure
def _address(key: bytes32) -> address:
    """
    @dev The address in a left-padded key.
    """
    return convert(convert(key, uint160), address)


# ---------------------------------------------------------------- internal: effects

@internal
def _admit(identifier: String[64], roles: uint256, chain_key: address):
    """
    @dev Store a checked institution, active.
    """
    number: uint256 = self.institution_count
    id: bytes32 = keccak256(identifier)
    self.institution_count = number + 1
    self.institution_at[number] = id
    self.numbers[id] = number + 1
    self.identifiers[number] = identifier
    self.members[number] = roles << ROLES_SHIFT
    self._set_status(number, ACTIVE)
    log InstitutionAdmitted(institution=id, number=number, identifier=identifier, roles=roles, chain_key=chain_key)
    self._set_key(number, KEY_CHAIN, convert(chain_key, bytes32), 0)


@internal
def _set_status(number: uint256, status: uint256):
    """
    @dev Write a status that differs from the present one, with the bit and the count that follow from it.
    """
    self.members[number] = self.members[number] & ~(255 << STATUS_SHIFT) | (status << STATUS_SHIFT)
    self.active[number >> 8] ^= 1 << (number & 255)
    if status == ACTIVE:
        self.active_count += 1
    else:
        self.active_count -= 1


@internal
def _change_roles(number: uint256, roles: uint256):
    """
    @dev Write roles; audit keys end with the regulator role.
    """
    self.members[number] = self.members[number] & ~(65535 << ROLES_SHIFT) | (roles << ROLES_SHIFT)
    log RolesChanged(institution=self.institution_at[number], roles=roles)
    if roles & REGULATOR == 0:
        count: uint256 = self.key_counts[number * 256 + KEY_AUDIT]
        if count >= 2:
            self._end_key(number, KEY_AUDIT, count - 2, block.timestamp)
        if count >= 1:
            self._end_key(number, KEY_AUDIT, count - 1, block.timestamp)


@internal
def _set_key(number: uint256, kind: uint256, key: bytes32, overlap_s: uint256):
    """
    @dev Append a checked key, so that at most two of a kind are valid at a time, and keep the copies by which a chain
         key finds its institution and an anchor needs one read.
    """
    series: uint256 = number * 256 + kind
    index: uint256 = self.key_counts[series]
    if index >= 2:
        self._end_key(number, kind, index - 2, block.timestamp)
    if index >= 1:
        self._end_key(number, kind, index - 1, block.timestamp + overlap_s)
    self.keys[series][index] = Key(value=key, valid_from=convert(block.timestamp, uint64), valid_until=0)
    self.key_counts[series] = index + 1
    if kind == KEY_CHAIN:
        self.chain_key_owners[self._address(key)] = number + 1
    elif kind == KEY_ANCHOR:
        self.members[number] = self.members[number] & ~ADDRESS_MASK | convert(key, uint256)
    log KeyRegistered(
        institution=self.institution_at[number],
        kind=kind,
        index=index,
        value=key,
        valid_from=convert(block.timestamp, uint64),
    )


@internal
def _end_key(number: uint256, kind: uint256, index: uint256, until: uint256):
    """
    @dev Let a key end at a time, unless it ends earlier already.
    """
    key: Key = self.keys[number * 256 + kind][index]
    if key.valid_until == 0 or until < convert(key.valid_until, uint256):
        self.keys[number * 256 + kind][index].valid_until = convert(until, uint64)
        log KeyEnded(
            institution=self.institution_at[number],
            kind=kind,
            index=index,
            value=key.value,
            valid_until=convert(until, uint64),
        )


@internal
def _add_origin(p: Proposal):
    """
    @dev Store an origin, open, at the next place of its institution.
    """
    number: uint256 = self._number(p.value)
    word: uint256 = self.members[number]
    position: uint256 = (word >> COUNT_SHIFT) & 255
    self.members[number] = word + (1 << COUNT_SHIFT) | (1 << (OPEN_SHIFT + position))
    self.origins[p.subject].place = ((number + 1) << 8) | position
    self.origins[p.subject].name = p.origin
    self.origins[p.subject].endpoint = p.endpoint
    self.origin_at[self.origin_count] = p.subject
    self.origin_count += 1
    log OriginAdded(origin=p.subject, institution=p.value, name=p.origin, endpoint=p.endpoint)


@internal
def _close_origin(p: Proposal):
    """
    @dev Close an origin for ever; its last anchored head stays readable.
    """
    place: uint256 = self.origins[p.subject].place
    self.members[(place >> 8) - 1] ^= 1 << (OPEN_SHIFT + (place & 255))
    self.origins[p.subject].closed = True
    self.origins[p.subject].final_size = convert(p.amount, uint64)
    self.origins[p.subject].final_root = p.value
    self.origins[p.subject].successor = p.successor
    log OriginClosed(
        origin=p.subject, final_size=convert(p.amount, uint64), final_root=p.value, successor=p.successor
    )


@internal
def _register(p: Proposal):
    """
    @dev Append a kind or a catalogue.
    """
    index: uint256 = self.entry_counts[p.action]
    self.entries[p.action][index] = Entry(
        name=p.name, digest=p.value, registered_at=convert(block.timestamp, uint64)
    )
    self.entry_counts[p.action] = index + 1
    self.newest_digests[p.action][p.subject] = p.value
    if p.action == REGISTER_KIND:
        log KindRegistered(index=index, name=p.name, digest=p.value)
    else:
        log CatalogueRegistered(index=index, name=p.name, digest=p.value)


@internal
def _set_threshold(threshold: uint256):
    """
    @dev Write a checked threshold.
    """
    self.threshold = threshold
    log ThresholdChanged(threshold=threshold)
