"""Every error of the contracts, as one tree, and the named reverts as classes.

```
ContractError
├── ArtifactError                an artifact that is unknown or damaged
├── EventError                   UnknownEventError, MalformedEventError
└── RevertError                  a contract refused a transaction or a call; `reason` is its name on chain
    ├── AnchorRefusedError       RepeatedHead, Fork, Shrunk, ProofTooLong, SizeTooLarge, NotAnchorKey
    ├── CallerRefusedError       NotMember, Suspended, FormerKey, NotOwner, NotRegulator, NotGrantor, NotOpener
    ├── UnknownSubjectError      UnknownInstitution, UnknownOrigin, UnknownProposal, UnknownKeyKind, UnknownKey,
│   │                            UnknownEntry, UnknownConsent, UnknownEmergency
    ├── VoteRefusedError         AlreadyVoted, ProposalClosed, ProposalExpired, NotEnoughVotes
    ├── StateRefusedError        what is asked contradicts the present state
    ├── ArgumentRefusedError     an argument outside its bounds
    └── UnnamedRevertError       no reason, or one that this release does not know
```

Each named revert `X` is the class `XError`.
"""

from __future__ import annotations

from typing import ClassVar, Final


class ContractError(Exception):
    """The root of the tree."""


class ArtifactError(ContractError):
    """An artifact that is unknown or damaged.

    Attributes:
        name: Name of the contract.
        reason: What is wrong.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"contract {name}: {reason}")
        self.name = name
        self.reason = reason


class EventError(ContractError):
    """An event log that cannot be read."""


class UnknownEventError(EventError):
    """A first topic that no event of the contract has.

    Attributes:
        contract: Name of the contract.
        topic: The first topic, or nothing for an anonymous event.
    """

    def __init__(self, contract: str, topic: bytes) -> None:
        super().__init__(f"{contract} has no event with topic 0x{topic.hex()}")
        self.contract = contract
        self.topic = topic


class MalformedEventError(EventError):
    """An event whose topics or data are not what its declaration says.

    Attributes:
        event: Name of the event.
        reason: What is wrong.
    """

    def __init__(self, event: str, reason: str) -> None:
        super().__init__(f"event {event}: {reason}")
        self.event = event
        self.reason = reason


class RevertError(ContractError):
    """A contract refused; nothing was changed.

    Attributes:
        reason: The name that the contract gave.
    """

    meaning: ClassVar[str] = "the contract refused"

    def __init__(self, reason: str | None = None) -> None:
        self.reason = type(self).__name__.removesuffix("Error") if reason is None else reason
        super().__init__(f"{self.reason}: {self.meaning}")


class UnnamedRevertError(RevertError):
    """A revert without a reason, or with one that this release does not know."""

    meaning = "the contract refused without a name that this release knows (an argument out of bounds, or out of gas)"


class AnchorRefusedError(RevertError):
    """`log_anchors` refused a head."""


class RepeatedHeadError(AnchorRefusedError):
    """The head is already anchored."""

    meaning = "this size and root are already anchored; there is nothing to do"


class ForkError(AnchorRefusedError):
    """The new head does not continue the anchored one."""

    meaning = "the head does not extend the anchored one: same size with another root, or a proof that fails"


class ShrunkError(AnchorRefusedError):
    """The new head is smaller than the anchored one."""

    meaning = "the head is smaller than the anchored one: this log has lost entries"


class ProofTooLongError(AnchorRefusedError):
    """The proof has more than 63 hashes."""

    meaning = "a consistency proof has at most 63 hashes"


class SizeTooLargeError(AnchorRefusedError):
    """The size is 2^48 or more."""

    meaning = "sizes are below 2^48"


class NotAnchorKeyError(AnchorRefusedError):
    """The sender is no valid anchor key of the origin's institution."""

    meaning = "the sender is not a valid anchor key of the origin's institution; register it with register_key"


class CallerRefusedError(RevertError):
    """The caller may not do this."""


class NotMemberError(CallerRefusedError):
    """The caller is no valid chain key of an institution."""

    meaning = "the sender is not a valid chain key of any institution"


class SuspendedError(CallerRefusedError):
    """The institution is suspended."""

    meaning = "the institution is suspended; the consortium must reinstate it by vote"


class FormerKeyError(CallerRefusedError):
    """The caller is a chain key in its overlap."""

    meaning = "a chain key in its overlap may vote but not administer; use the current one"


class NotOwnerError(CallerRefusedError):
    """The origin is another institution's."""

    meaning = "the origin belongs to another institution"


class NotRegulatorError(CallerRefusedError):
    """Only a regulator has audit keys."""

    meaning = "only an institution with the regulator role registers audit keys"


class NotGrantorError(CallerRefusedError):
    """The consent was granted by another."""

    meaning = "only the key, or the institution, that granted a consent can revoke it"


class NotOpenerError(CallerRefusedError):
    """The emergency was opened by another institution."""

    meaning = "only the institution that opened an emergency can review it"


class UnknownSubjectError(RevertError):
    """What is named does not exist."""


class UnknownInstitutionError(UnknownSubjectError):
    """No institution has this id."""

    meaning = "no institution with this id was ever admitted"


class UnknownOriginError(UnknownSubjectError):
    """No origin has this id."""

    meaning = "no origin with this id was ever added"


class UnknownProposalError(UnknownSubjectError):
    """No proposal has this number."""

    meaning = "no proposal has this number"


class UnknownKeyKindError(UnknownSubjectError):
    """No kind of key has this number."""

    meaning = "kinds of key are 1 to 7"


class UnknownKeyError(UnknownSubjectError):
    """The institution has no key of that index."""

    meaning = "the institution has no key of this kind at this index"


class UnknownEntryError(UnknownSubjectError):
    """Nothing is registered at this index."""

    meaning = "nothing is registered at this index"


class UnknownConsentError(UnknownSubjectError):
    """No consent has this id."""

    meaning = "no consent with this id was ever granted"


class UnknownEmergencyError(UnknownSubjectError):
    """No emergency has this id."""

    meaning = "no emergency with this id was ever opened"


class VoteRefusedError(RevertError):
    """A vote or an execution that does not count."""


class AlreadyVotedError(VoteRefusedError):
    """The institution voted already."""

    meaning = "the institution has voted for this proposal already, perhaps with another key"


class ProposalClosedError(VoteRefusedError):
    """The proposal was executed."""

    meaning = "the proposal was executed already"


class ProposalExpiredError(VoteRefusedError):
    """The proposal expired."""

    meaning = "the proposal expired after 14 days; propose it again"


class NotEnoughVotesError(VoteRefusedError):
    """The votes do not suffice."""

    meaning = "the votes of active institutions do not reach the threshold"


class StateRefusedError(RevertError):
    """What is asked contradicts the present state."""


class OriginClosedError(StateRefusedError):
    """The origin is closed."""

    meaning = "the origin was closed by vote; write to its successor"


class OriginExistsError(StateRefusedError):
    """The origin exists already."""

    meaning = "the origin was added already"


class InstitutionExistsError(StateRefusedError):
    """The institution exists already."""

    meaning = "an institution with this identifier was admitted already"


class NotSuspendedError(StateRefusedError):
    """The institution is not suspended."""

    meaning = "the institution is not suspended"


class BelowThresholdError(StateRefusedError):
    """Too few active institutions would be left."""

    meaning = "the institutions that stay active could not reach the threshold; change it first"


class TooManyOriginsError(StateRefusedError):
    """The institution has 32 origins."""

    meaning = "an institution has at most 32 origins, closed ones included"


class TooManyInstitutionsError(StateRefusedError):
    """The consortium is full."""

    meaning = "a consortium has at most 4096 institutions"


class KeyInUseError(StateRefusedError):
    """The address is or was a chain key."""

    meaning = "the address is or was a chain key; take a fresh one"


class RepeatedKeyError(StateRefusedError):
    """The key is current already."""

    meaning = "the key is the current one already"


class NoOverlapError(StateRefusedError):
    """No former key is valid."""

    meaning = "no former key of this kind is valid any more"


class AlreadyRegisteredError(StateRefusedError):
    """The newest entry has this digest already."""

    meaning = "the newest entry of this name has this digest already"


class ConsentExistsError(StateRefusedError):
    """The id was used."""

    meaning = "a consent with this id was granted already; draw another id"


class AlreadyRevokedError(StateRefusedError):
    """The consent is revoked."""

    meaning = "the consent was revoked already; a revocation is final"


class EmergencyExistsError(StateRefusedError):
    """The id was used."""

    meaning = "an emergency with this id was opened already; draw another id"


class AlreadyReviewedError(StateRefusedError):
    """The emergency is reviewed."""

    meaning = "the emergency was reviewed already"


class ArgumentRefusedError(RevertError):
    """An argument outside its bounds."""


class BadRolesError(ArgumentRefusedError):
    """No role, or an unknown one."""

    meaning = "roles are a bit mask from 1 to 511"


class BadThresholdError(ArgumentRefusedError):
    """A threshold that cannot be."""

    meaning = "the threshold is 1 to the number of active institutions"


class BadKeyError(ArgumentRefusedError):
    """A zero key, or not an address where one is due."""

    meaning = "a key is not zero, and a chain or anchor key is an address"


class BadDigestError(ArgumentRefusedError):
    """A zero digest."""

    meaning = "a digest is not zero"


class BadIdError(ArgumentRefusedError):
    """A zero id."""

    meaning = "an id is not zero; draw it at random"


class BadExpiryError(ArgumentRefusedError):
    """An expiry that has passed, or is too far away."""

    meaning = "a consent expires later than now and within ten years"


class BadSignatureError(ArgumentRefusedError):
    """No signature of the key that is named."""

    meaning = "the signature is not that of the key that is named, or not in its one form (v 27 or 28, the lower s)"


class BadSuccessorError(ArgumentRefusedError):
    """An origin cannot succeed itself."""

    meaning = "an origin cannot succeed itself"


class EmptyTextError(ArgumentRefusedError):
    """A text is empty."""

    meaning = "identifiers, origins, endpoints and names are not empty"


class OverlapTooLongError(ArgumentRefusedError):
    """The overlap is over 90 days."""

    meaning = "keys overlap by at most 90 days"


class NotContractError(ArgumentRefusedError):
    """The consortium's address has no code."""

    meaning = "the consortium's address has no code; deploy the consortium first"


def _leaves(parent: type[RevertError]) -> dict[str, type[RevertError]]:
    found: dict[str, type[RevertError]] = {}
    for child in parent.__subclasses__():
        below = _leaves(child)
        found |= below or {child.__name__.removesuffix("Error"): child}
    return found


REVERTS: Final = {name: leaf for name, leaf in _leaves(RevertError).items() if leaf is not UnnamedRevertError}
"""Class of each named revert, by the name on chain."""


def revert_error(reason: str) -> RevertError:
    """Return the error of a revert reason; an unknown or empty one makes an `UnnamedRevertError`."""
    known = REVERTS.get(reason)
    return UnnamedRevertError(reason or "no reason") if known is None else known()
