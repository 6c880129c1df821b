# pragma version 0.4.3
# pragma evm-version london
# pragma optimize gas
"""
@title Consents: what was granted, until when, and whether it was revoked; and emergencies, which demand review
@license Apache-2.0
@author Concord contributors
@notice Keeps, under a random id that is used once, the salted digest of a consent's scope, its expiry and its revocation,
        which is final. A consent is granted and revoked by a key that the patient made for it alone, or by an institution
        of the consortium. Emergency access is opened by an institution, and stays open until that one reviews it.
@dev Every call is an EIP-712 message (domain: Concord Consents, 1, chain id, this contract) that its author signed and
     that anybody may send: a patient needs no account, and a message that was signed while the chain was away can follow.
     Institutions sign with an anchor key of one of their open origins, the key that their node holds at hand; what a
     message does it can do once, so that none needs a nonce. No argument is dynamic. No clinical data, no patient, no link
     from one consent to another.
"""


# @dev What the consortium answers: the place of an origin, or a named revert; and an institution's id by its number.
interface Membership:
    def authorise(origin: bytes32, sender: address) -> uint256: view
    def institution_at(number: uint256) -> bytes32: view


# ---------------------------------------------------------------- types

# @dev A consent as it is stored.
struct Consent:
    scope: bytes32
    word: uint256  # bits 0-159 the patient's key, or zero; 160-207 expiry; 208-255 time of the revocation, or zero
    institution: bytes32  # who granted it; zero for a patient's key

# @dev An emergency as it is stored.
struct Emergency:
    digest: bytes32
    institution: bytes32
    word: uint256  # bits 0-47 when it was opened, 48-95 when it was reviewed, or zero


# ---------------------------------------------------------------- events

# @notice A consent was granted: by a patient's key, then the institution is zero, or by an institution, then the key is.
event ConsentGranted:
    id: indexed(bytes32)
    scope: bytes32
    patient_key: address
    institution: bytes32
    expires_at: uint64

# @notice A consent was revoked, for good.
event ConsentRevoked:
    id: indexed(bytes32)

# @notice An institution reads, or releases, without consent in an emergency; it owes a review.
event EmergencyOpened:
    id: indexed(bytes32)
    institution: indexed(bytes32)
    digest: bytes32

# @notice An emergency was reviewed.
event EmergencyReviewed:
    id: indexed(bytes32)
    institution: indexed(bytes32)
    digest: bytes32


# ---------------------------------------------------------------- constants

MAX_LIFETIME_S: constant(uint256) = 3660 * 86_400
TIME_MASK: constant(uint256) = 2**48 - 1
KEY_MASK: constant(uint256) = 2**160 - 1
EXPIRY_SHIFT: constant(uint256) = 160
REVOKED_SHIFT: constant(uint256) = 208
REVIEWED_SHIFT: constant(uint256) = 48

# @dev Half the order of secp256k1: a signature has one form only, that with the lower s.
MAX_S: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168

DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
NAME: constant(bytes32) = keccak256("Concord Consents")
VERSION: constant(bytes32) = keccak256("1")
GRANT_TYPE: constant(bytes32) = keccak256("Grant(bytes32 id,bytes32 scope,uint64 expiresAt)")
REVOKE_TYPE: constant(bytes32) = keccak256("Revoke(bytes32 id)")
INSTITUTION_GRANT_TYPE: constant(bytes32) = keccak256(
    "InstitutionGrant(bytes32 origin,bytes32 id,bytes32 scope,uint64 expiresAt)"
)
INSTITUTION_REVOKE_TYPE: constant(bytes32) = keccak256("InstitutionRevoke(bytes32 origin,bytes32 id)")
OPEN_EMERGENCY_TYPE: constant(bytes32) = keccak256("OpenEmergency(bytes32 origin,bytes32 id,bytes32 digest)")
REVIEW_EMERGENCY_TYPE: constant(bytes32) = keccak256("ReviewEmergency(bytes32 origin,bytes32 id,bytes32 digest)")


# ---------------------------------------------------------------- state

# @notice The consortium whose institutions may write here.
consortium: public(immutable(address))

# @dev Consents by id.
consents: HashMap[bytes32, Consent]

# @dev Emergencies by id.
emergencies: HashMap[bytes32, Emergency]


# ---------------------------------------------------------------- constructor

@deploy
def __init__(consortium_address: address):
    """
    @notice Bind the consents to a consortium, for ever.
    @param consortium_address Address of the consortium contract.
    """
    assert consortium_address.is_contract, "NotContract"
    consortium = consortium_address


# ---------------------------------------------------------------- by the patient's key for one consent

@external
def grant(id: bytes32, scope: bytes32, expires_at: uint64, patient_key: address, v: uint256, r: uint256, s: uint256):
    """
    @notice Grant a consent with the patient's signature over Grant(id, scope, expiresAt).
    @param id Random id, never used before.
    @param scope Salted digest of the scope.
    @param expires_at Until when it holds (exclusive), unix seconds.
    @param patient_key The key that the patient made for this consent, and that alone can revoke it.
    @param v Recovery number of the signature, 27 or 28.
    @param r Its r.
    @param s Its s, the lower one.
    """
    digest: bytes32 = keccak256(abi_encode(GRANT_TYPE, id, scope, expires_at))
    assert patient_key != empty(address), "BadSignature"
    assert self._signer(digest, v, r, s) == patient_key, "BadSignature"
    self._grant(id, scope, expires_at, patient_key, empty(bytes32))


@external
def revoke(id: bytes32, v: uint256, r: uint256, s: uint256):
    """
    @notice Revoke a patient's consent, for good, with the signature of its key over Revoke(id).
    @param id Id of the consent.
    @param v Recovery number of the signature, 27 or 28.
    @param r Its r.
    @param s Its s, the lower one.
    """
    signer: address = self._signer(keccak256(abi_encode(REVOKE_TYPE, id)), v, r, s)
    assert self._known(id) & KEY_MASK == convert(signer, uint256), "NotGrantor"
    self._revoke(id)


# ---------------------------------------------------------------- by an institution

@external
def grant_by_institution(
    origin: bytes32, id: bytes32, scope: bytes32, expires_at: uint64, v: uint256, r: uint256, s: uint256
):
    """
    @notice Grant a consent that an institution asserts, with its signature over InstitutionGrant.
    @param origin Id of an open origin of the institution.
    @param id Random id, never used before.
    @param scope Salted digest of the scope.
    @param expires_at Until when it holds (exclusive), unix seconds.
    @param v Recovery number of the signature, 27 or 28.
    @param r Its r.
    @param s Its s, the lower one.
    """
    digest: bytes32 = keccak256(abi_encode(INSTITUTION_GRANT_TYPE, origin, id, scope, expires_at))
    institution: bytes32 = self._institution(origin, digest, v, r, s)
    self._grant(id, scope, expires_at, empty(address), institution)


@external
def revoke_by_institution(origin: bytes32, id: bytes32, v: uint256, r: uint256, s: uint256):
    """
    @notice Revoke a consent that the same institution granted, for good, with its signature over InstitutionRevoke.
    @param origin Id of an open origin of the institution; not necessarily the one that it granted with.
    @param id Id of the consent.
    @param v Recovery number of the signature, 27 or 28.
    @param r Its r.
    @param s Its s, the lower one.
    """
    digest: bytes32 = keccak256(abi_encode(INSTITUTION_REVOKE_TYPE, origin, id))
    institution: bytes32 = self._institution(origin, digest, v, r, s)
    self._known(id)
    assert self.consents[id].institution == institution, "NotGrantor"
    self._revoke(id)


@external
def open_emergency(origin: bytes32, id: bytes32, digest: bytes32, v: uint256, r: uint256, s: uint256):
    """
    @notice Open an emergency with an institution's signature over OpenEmergency: access without consent, to be reviewed.
    @param origin Id of an open origin of the institution.
    @param id Random id, never used before.
    @param digest Salted digest of who, why and for whom, which the institution logs.
    @param v Recovery number of the signature, 27 or 28.
    @param r Its r.
    @param s Its s, the lower one.
    """
    signed: bytes32 = keccak256(abi_encode(OPEN_EMERGENCY_TYPE, origin, id, digest))
    institution: bytes32 = self._institution(origin, signed, v, r, s)
    assert id != empty(bytes32), "BadId"
    assert digest != empty(bytes32), "BadDigest"
    assert self.emergencies[id].word == 0, "EmergencyExists"
    self.emergencies[id] = Emergency(digest=digest, institution=institution, word=block.timestamp)
    log EmergencyOpened(id=id, institution=institution, digest=digest)


@external
def review_emergency(origin: bytes32, id: bytes32, digest: bytes32, v: uint256, r: uint256, s: uint256):
    """
    @notice Close an emergency with its institution's signature over ReviewEmergency. That a second person reviewed it is
            in what the digest is of: persons are not on chain.
    @param origin Id of an open origin of the institution.
    @param id Id of the emergency.
    @param digest Salted digest of the review, which the institution logs.
    @param v Recovery number of the signature, 27 or 28.
    @param r Its r.
    @param s Its s, the lower one.
    """
    signed: bytes32 = keccak256(abi_encode(REVIEW_EMERGENCY_TYPE, origin, id, digest))
    institution: bytes32 = self._institution(origin, signed, v, r, s)
    assert digest != empty(bytes32), "BadDigest"
    word: uint256 = self.emergencies[id].word
    assert word != 0, "UnknownEmergency"
    assert self.emergencies[id].institution == institution, "NotOpener"
    assert word >> REVIEWED_SHIFT == 0, "AlreadyReviewed"
    self.emergencies[id].word = word | (block.timestamp << REVIEWED_SHIFT)
    log EmergencyReviewed(id=id, institution=institution, digest=digest)


# ---------------------------------------------------------------- views

@external
@view
def consent(id: bytes32) -> (bytes32, address, bytes32, uint64, uint64):
    """
    @notice Read a consent.
    @param id Its id.
    @return Scope digest, the patient's key or zero, the institution that granted it or zero, expiry (exclusive), and when
            it was revoked or 0; unix seconds. All zero if there is none.
    """
    found: Consent = self.consents[id]
    return (
        found.scope,
        convert(convert(found.word & KEY_MASK, uint160), address),
        found.institution,
        convert((found.word >> EXPIRY_SHIFT) & TIME_MASK, uint64),
        convert(found.word >> REVOKED_SHIFT, uint64),
    )


@external
@view
def emergency(id: bytes32) -> (bytes32, bytes32, uint64, uint64):
    """
    @notice Read an emergency.
    @param id Its id.
    @return Digest, institution, when it was opened, and when it was reviewed or 0; unix seconds. All zero if there is
            none.
    """
    found: Emergency = self.emergencies[id]
    return (
        found.digest,
        found.institution,
        convert(found.word & TIME_MASK, uint64),
        convert(found.word >> REVIEWED_SHIFT, uint64),
    )


@external
@view
def domain_separator() -> bytes32:
    """
    @notice Read what every signature is bound to besides its message.
    @return The EIP-712 domain separator of this contract on this chain.
    """
    return self._domain()


# ---------------------------------------------------------------- internal

@internal
@view
def _domain() -> bytes32:
    """
    @dev Computed each time: a copy kept from deployment would outlive a change of the chain's id.
    """
    return keccak256(abi_encode(DOMAIN_TYPE, NAME, VERSION, chain.id, self))


@internal
@view
def _signer(message: bytes32, v: uint256, r: uint256, s: uint256) -> address:
    """
    @dev Recover who signed; never the zero address, and from the lower s only.
    """
    assert s <= MAX_S, "BadSignature"
    digest: bytes32 = keccak256(concat(0x1901, self._domain(), message))
    signer: address = ecrecover(digest, v, r, s)
    assert signer != empty(address), "BadSignature"
    return signer


@internal
@view
def _institution(origin: bytes32, message: bytes32, v: uint256, r: uint256, s: uint256) -> bytes32:
    """
    @dev Id of the active institution whose valid anchor key signed; the consortium refuses by name.
    """
    signer: address = self._signer(message, v, r, s)
    # that the consortium is a contract was checked once and for all
    place: uint256 = staticcall Membership(consortium).authorise(origin, signer, skip_contract_check=True)
    return staticcall Membership(consortium).institution_at(unsafe_sub(place >> 8, 1), skip_contract_check=True)


@internal
@view
def _known(id: bytes32) -> uint256:
    """
    @dev Word of a consent that exists: it has an expiry.
    """
    word: uint256 = self.consents[id].word
    assert word != 0, "UnknownConsent"
    return word


@internal
def _grant(id: bytes32, scope: bytes32, expires_at: uint64, patient_key: address, institution: bytes32):
    """
    @dev Check and store a consent.
    """
    assert id != empty(bytes32), "BadId"
    assert scope != empty(bytes32), "BadDigest"
    expiry: uint256 = convert(expires_at, uint256)
    assert expiry > block.timestamp and expiry <= block.timestamp + MAX_LIFETIME_S, "BadExpiry"
    assert self.consents[id].word == 0, "ConsentExists"
    self.consents[id].scope = scope
    self.consents[id].word = convert(patient_key, uint256) | (expiry << EXPIRY_SHIFT)
    if institution != empty(bytes32):
        self.consents[id].institution = institution
    log ConsentGranted(
        id=id, scope=scope, patient_key=patient_key, institution=institution, expires_at=expires_at
    )


@internal
def _revoke(id: bytes32):
    """
    @dev Note the time of a first revocation. An expired consent may be revoked too: nobody has to know which it is.
    """
    word: uint256 = self.consents[id].word
    assert word >> REVOKED_SHIFT == 0, "AlreadyRevoked"
    self.consents[id].word = word | (block.timestamp << REVOKED_SHIFT)
    log ConsentRevoked(id=id)
