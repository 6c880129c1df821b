"""Signs messages to the `consents` contract with the hosted institutions' anchor keys (`ports.consents.store.ConsentSigner`)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from node.adapters.keys.files import InstitutionKeys
from node.domain.consent_message import ContractDomain, InstitutionMessage, SignedMessage
from node.domain.entry import InstitutionId
from node.identity.typed_data import sign_message


class FileConsentSigner:
    """A `ConsentSigner` whose keys are files."""

    def __init__(self, directory: Path, institutions: Collection[InstitutionId], domain: ContractDomain) -> None:
        """Read the keys.

        Raises:
            KeyFileError: One is missing, readable by others or damaged.
        """
        self._keys = {each: InstitutionKeys(directory, each).read("anchor.key") for each in institutions}
        self._domain = domain

    def sign(self, institution: InstitutionId, message: InstitutionMessage) -> SignedMessage:
        """Sign a message of an institution that this node hosts.

        Raises:
            KeyError: It hosts no such institution.
        """
        return SignedMessage(message, sign_message(self._keys[institution], self._domain, message))
