"""The node's settings: `concord.toml` in its directory, overridden by `CONCORD_…` variables. Read by `cli` and `bootstrap` only.

Every limit that an operator may want to change is named here; `concord init` writes a file with all of them and their
reasons. Nested names are joined by two underscores in variables: `CONCORD_LIMITS__MAX_DOCUMENT_BYTES`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from node.errors import SettingsError

FILE_NAME = "concord.toml"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InstitutionSettings(_Section):
    """An institution that this node hosts."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$", description="its id in the consortium")
    name: str = Field(min_length=1, max_length=128, description="for people")
    origin: str = Field(min_length=1, max_length=255, description="the origin line of its log")
    record_systems: tuple[str, ...] = Field((), description="identifier systems of its records, the preferred first")
    patient_systems: tuple[str, ...] = Field((), description="identifier systems of its patient numbers")
    versioned_kinds: tuple[str, ...] = Field((), description="kinds whose meta.versionId is an explicit version")


class ServerSettings(_Section):
    """The HTTP server."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65_535, description="port to listen on; 0 takes a free one")
    public_log: bool = Field(default=False, description="whether /log answers without an API key")
    patient_requests_per_minute: int = Field(240, gt=0, description="requests of one address to /v1/patient in a minute")
    wait_timeout_s: float = Field(30.0, gt=0, description="how long ?wait= waits before it answers with the level reached")


class LimitSettings(_Section):
    """What a submission may hold; over one is a 413 or 422."""

    max_document_bytes: int = Field(64 * 2**20, gt=0, description="bytes of one document, or of one NDJSON line")
    max_batch_lines: int = Field(100_000, gt=0, description="lines of one NDJSON batch")
    max_records: int = Field(20_000, gt=0, description="records that one document may hold")
    max_parts: int = Field(2_000, gt=0, description="parts of one record")
    max_record_bytes: int = Field(64 * 2**20, gt=0, description="bytes of all parts of one record")
    max_expanded_bytes: int = Field(
        256 * 2**20, gt=0, description="bytes of all parts of all records of one document: shared parts count in each"
    )
    max_nesting: int = Field(64, gt=0, description="depth of nested JSON")


class LogSettings(_Section):
    """The sequencer."""

    checkpoint_interval_ms: int = Field(100, ge=0, description="how long staged entries wait for company before a checkpoint")
    batch_entries: int = Field(50_000, gt=0, description="entries that one checkpoint adds at the most")


class ChainSettings(_Section):
    """The chain."""

    rpc_url: str | None = Field(None, description="Ethereum JSON-RPC of the consortium's chain; none: nothing is anchored")
    anchor_interval_s: float = Field(30.0, gt=0, description="how often news are anchored")
    timeout_s: float = Field(5.0, gt=0, description="how long a call may take before the chain counts as away")


class MemberSettings(_Section):
    """Requests between members."""

    max_clock_skew_s: int = Field(30, ge=0, description="how far another member's clock may be off")
    signature_lifetime_s: int = Field(60, gt=0, description="how long a signed request counts; its nonce is kept that long")
    timeout_s: float = Field(10.0, gt=0, description="how long another member's node may take to go on answering")
    outbox_interval_s: float = Field(1.0, gt=0, description="how often messages that are due are looked for")


class RelocationSettings(_Section):
    """How relocations hide among each other."""

    window_s: float = Field(86_400.0, ge=0, description="over how long relocations are spread; a day at least, 0 in a devnet")
    dummies: int = Field(1, ge=0, le=100, description="dummy entries for each relocation")


class CodeSettings(_Section):
    """Codes of patients: custodians everywhere, the code service on the node that hosts it."""

    institution: str = Field("", description="the hosted institution that is the consortium's code service; empty: none here")
    custodians: tuple[str, ...] = Field((), description="the three institutions of whom two open a card; for the code service")
    regulator: str = Field("", description="the institution for whom pseudonyms of persons are; for the code service")
    max_openings_per_hour: int = Field(600, gt=0, description="cards that a custodian here helps to open within an hour")


class FollowingSettings(_Section):
    """Following and witnessing other logs."""

    poll_interval_s: float = Field(60.0, gt=0, description="how often a log is looked at without news of it")
    cosign_interval_s: float = Field(1.0, gt=0, description="how often own checkpoints go to other institutions' witnesses")
    header_grace_s: float = Field(3_600.0, gt=0, description="how long a header may be missing before it counts as withheld")
    extra_logs: tuple[str, ...] = Field((), description="verifier keys of further logs that this node's witnesses cosign")


class ConsentSettings(_Section):
    """Consents, emergencies, withdrawal."""

    max_staleness_s: float = Field(5.0, gt=0, description="how old the chain's word on consents may be; older is unknown")
    poll_interval_s: float = Field(1.0, gt=0, description="how often the chain is asked what was granted and revoked")
    block_period_s: float = Field(
        0.0, ge=0, description="how often the engine makes blocks, if it makes them by the clock: then an old head is stale too"
    )
    refuse_self_asserted: bool = Field(default=False, description="whether an institution may not assert a consent to itself")
    max_emergencies_per_hour: int = Field(10, gt=0, description="emergencies that one person may open within an hour")
    retention_region: str = Field("cn", description="whose retention periods keep records locked after a withdrawal")


class SupervisionSettings(_Section):
    """Pairing of receipts, figures and findings, at a regulator's node."""

    receipt_grace_s: float = Field(900.0, ge=0, description="how long one side of a disclosure may log later than the other")
    interval_s: float = Field(1.0, gt=0, description="how often new receipts are looked for")
    silent_log_s: float = Field(86_400.0, gt=0, description="how long a log may show no new checkpoint before it is a finding")
    emergency_review_s: float = Field(
        86_400.0, gt=0, description="how long the review of an emergency may take before it is a finding"
    )
    withdrawn_grace_s: float = Field(
        604_800.0, ge=0, description="how long a recognition may stand, before it is a finding, after what it uses was withdrawn"
    )


class DisclosureSettings(_Section):
    """What other members are let read."""

    refused_purposes: tuple[Literal["treatment", "claim", "follow-up", "research"], ...] = Field(
        (), description="purposes for which nothing leaves, whatever a consent says"
    )
    max_denials_per_hour: int = Field(120, gt=0, description="of one member that are logged one by one; further ones are refused")
    max_emergencies_per_hour: int = Field(10, gt=0, description="reads without consent by one clinician of another member")
    max_emergencies_per_hour_of_institution: int = Field(50, gt=0, description="the same, by a whole institution")


class RecognitionSettings(_Section):
    """The check at order time, and decisions."""

    directory: Path | None = Field(
        None,
        description="folder of catalogue, maps and the rest, relative to the directory; none: what is published, or samples",
    )
    max_check_age_s: float = Field(86_400.0, gt=0, description="how old a check may be that is decided on")
    notice_overdue_s: float = Field(
        259_200.0,
        gt=0,
        description="how long a notice of an amendment, withdrawal or recall may stay unacknowledged",
    )
    check_leaf_period_s: float = Field(
        3_600.0, ge=1, le=3_600, description="over how long checks of one patient and clinician share a leaf; less in a devnet"
    )


class WorkSettings(_Section):
    """Where work is done."""

    prepare_processes: int = Field(default_factory=lambda: os.cpu_count() or 2, ge=0, description="worker processes; 0: in threads")


class NodeSettings(BaseSettings):
    """All settings of a node."""

    model_config = SettingsConfigDict(env_prefix="CONCORD_", env_nested_delimiter="__", extra="forbid", frozen=True, toml_file=None)

    directory: Path = Field(description="where keys and databases are")
    trust_root: Path = Field(Path("trust-root.note"), description="the consortium's trust root, relative to the directory")
    institutions: tuple[InstitutionSettings, ...] = Field(min_length=1, description="whom this node hosts")
    server: ServerSettings = ServerSettings()
    limits: LimitSettings = LimitSettings()
    log: LogSettings = LogSettings()
    chain: ChainSettings = ChainSettings()
    members: MemberSettings = MemberSettings()
    work: WorkSettings = WorkSettings()
    following: FollowingSettings = FollowingSettings()
    consents: ConsentSettings = ConsentSettings()
    disclosure: DisclosureSettings = DisclosureSettings()
    relocation: RelocationSettings = RelocationSettings()
    supervision: SupervisionSettings = SupervisionSettings()
    codes: CodeSettings = CodeSettings()
    recognition: RecognitionSettings = RecognitionSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let variables win over the file, and nothing else be read."""
        del dotenv_settings, file_secret_settings
        # the directory is given by the caller, and with it the file
        arguments = init_settings()
        file = TomlConfigSettingsSource(settings_cls, Path(arguments["directory"]) / FILE_NAME)
        return init_settings, env_settings, file

    @property
    def keys(self) -> Path:
        """The directory of the key files."""
        return self.directory / "keys"

    @property
    def trust_root_file(self) -> Path:
        """The trust root's file."""
        return self.directory / self.trust_root


def load_settings(directory: Path) -> NodeSettings:
    """Read a node directory's settings.

    Raises:
        SettingsError: The file is missing, or a setting is unknown or wrong; the message names each.
    """
    if not (directory / FILE_NAME).is_file():
        raise SettingsError(f"{directory} holds no {FILE_NAME}; run `concord init --dir {directory}`")
    try:
        return NodeSettings(directory=directory)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise SettingsError(f"{directory / FILE_NAME}: {wrong}") from error
    except ValueError as error:
        raise SettingsError(f"{directory / FILE_NAME}: {error}") from error


def write_settings(directory: Path, institutions: Sequence[InstitutionSettings], **sections: Mapping[str, object]) -> None:
    """Write a directory's settings file: what is given, and every other setting as a comment with its default.

    Args:
        directory: The node's directory.
        institutions: Whom it hosts.
        sections: Values by section, such as `server={"port": 8081}`; one called `node` holds top-level settings.
    """
    lines = ["# Settings of a Concord node. What is commented out has the value that is shown.", ""]
    lines += _assignments(NodeSettings, sections.get("node", {}), skip={"directory", "institutions"})
    for name, section in _SECTIONS.items():
        lines += ["", f"[{name}]", *_assignments(section, sections.get(name, {}))]
    for institution in institutions:
        lines += ["", "[[institutions]]", *_assignments(InstitutionSettings, institution.model_dump(exclude_defaults=True))]
    (directory / FILE_NAME).write_text("\n".join(lines) + "\n", encoding="utf-8")


_SECTIONS: dict[str, type[_Section]] = {
    "server": ServerSettings,
    "limits": LimitSettings,
    "log": LogSettings,
    "chain": ChainSettings,
    "members": MemberSettings,
    "work": WorkSettings,
    "following": FollowingSettings,
    "consents": ConsentSettings,
    "disclosure": DisclosureSettings,
    "relocation": RelocationSettings,
    "supervision": SupervisionSettings,
    "codes": CodeSettings,
    "recognition": RecognitionSettings,
}


def _assignments(section: type[BaseModel], given: Mapping[str, object], skip: Collection[str] = ()) -> list[str]:
    lines: list[str] = []
    for name, field in section.model_fields.items():
        if name in skip or (field.description is None and name in _SECTIONS):
            continue
        if name in given:
            lines.append(f"{name} = {_toml(given[name])}  # {field.description}")
            continue
        default = field.get_default(call_default_factory=True, validated_data={})
        shown = '""' if default is None else _toml(default)
        lines.append(f"# {name} = {shown}  # {field.description}")
    return lines


def _toml(value: object) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    # TOML's basic strings are JSON's, but for the escapes of control characters that no setting holds
    return json.dumps(str(value), ensure_ascii=False)
