"""The browser's codec, envelope, commitments, proofs and Ed25519 against the Python protocol: same bytes, same verdicts."""

# ruff: noqa: E501 (programs for the page stand in long strings)
from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Page

from protocol import checkpoints, commitments, documents, encoding, merkle, proofs, signatures
from protocol.errors import ProtocolError
from protocol.identifiers import identifier
from protocol.keys import PublicKey, recovery_commitment
from protocol.notes import NoteSigner
from tests.browser.signing_kit import ROOT, build, chromium, origins

VECTORS = ROOT / "tests" / "vectors"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    files = tmp_path_factory.mktemp("build")
    build(Path(__file__).parent / "core_entry.js", files / "core.js")
    with origins(files) as main, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{main.url}/core")
        page.add_script_tag(url="/build/core.js", type="module")
        page.wait_for_function("globalThis.core !== undefined")
        yield page


def out(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$": value.hex()}
    if isinstance(value, dict):
        if any(isinstance(key, int) for key in value):
            return {"#": [[key, out(item)] for key, item in value.items()]}
        return {key: out(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [out(item) for item in value]
    return value


def back(value: Any) -> Any:
    if isinstance(value, list):
        return [back(item) for item in value]
    if isinstance(value, dict):
        if set(value) == {"$"}:
            return bytes.fromhex(value["$"])
        if set(value) == {"#"}:
            return {key: back(item) for key, item in value["#"]}
        return {key: back(item) for key, item in value.items()}
    return value


integers = st.integers(-(2**53 - 1), 2**53 - 1)
texts = st.text(max_size=30).filter(lambda text: text not in ("$", "#"))
leaves = st.one_of(st.booleans(), integers, texts, st.binary(max_size=80))
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
headers = st.dictionaries(integers | texts, values, min_size=1, max_size=6)


def test_values_have_the_same_bytes_on_both_sides(page: Page) -> None:
    samples: list[Any] = []

    @given(values)
    def collect(value: Any) -> None:
        samples.append(value)

    collect()
    # As JSON text: what carries arguments into the page loses a key named __proto__, which our codec must not.
    answers = page.evaluate(
        "text => JSON.parse(text).map((value) => core.bytes.hex(core.cbor.encode(core.from(value))))",
        json.dumps([out(value) for value in samples]),
    )
    assert answers == [encoding.encode(value).hex() for value in samples]
    read = page.evaluate(
        "all => JSON.stringify(all.map((data) => core.refused(() => core.cbor.decode(core.bytes.fromHex(data)))))",
        answers,
    )
    assert [back(value) for value in json.loads(read)] == samples


def test_headers_have_the_same_bytes_on_both_sides(page: Page) -> None:
    samples: list[Any] = []

    @given(headers)
    def collect(value: Any) -> None:
        samples.append(value)

    collect()
    wrapped = [{"#": [[key, out(item)] for key, item in value.items()]} for value in samples]
    answers = page.evaluate(
        "text => JSON.parse(text).map((value) => core.bytes.hex(core.cbor.encodeHeader(core.from(value))))",
        json.dumps(wrapped),
    )
    assert answers == [encoding.encode_header(value).hex() for value in samples]


def test_the_browser_refuses_what_python_refuses(page: Page) -> None:
    """Mutated encodings: the two decoders must agree on every byte string, not on well-formed ones only."""
    dice = random.Random(7)
    samples = [
        encoding.encode(
            {
                "type": "a/1",
                "n": [1, -1, 300, True],
                "b": b"\x01" * 30,
                "деньги": {"amount": 70_000, "currency": "RUB"},
            }
        )
    ]
    for _ in range(3_000):
        data = bytearray(samples[0])
        for _ in range(dice.randint(1, 3)):
            place = dice.randrange(len(data))
            match dice.randrange(3):
                case 0:
                    data[place] = dice.randrange(256)
                case 1:
                    del data[place]
                case _:
                    data.insert(place, dice.randrange(256))
        samples.append(bytes(data))
    samples += [
        bytes.fromhex(text)
        for text in (
            "",
            "f6",
            "f7",
            "f90000",
            "fb3ff8000000000000",
            "1800",
            "a2616200616100",
            "a2616100616100",
            "5f4101ff",
            "c0",
            "a10101",
            "1b0020000000000000",
            "8181" * 20 + "80",
            "63eda080",
        )
    ]

    def accepted(data: bytes) -> bool:
        try:
            encoding.decode(data)
        except ProtocolError:
            return False
        return True

    verdicts = page.evaluate(
        "all => all.map((data) => { try { core.cbor.decode(core.bytes.fromHex(data)); return true } catch { return false } })",
        [data.hex() for data in samples],
    )
    assert verdicts == [accepted(data) for data in samples]


def test_cbor_vectors(page: Page) -> None:
    vectors = json.loads((VECTORS / "encoding.json").read_text("utf-8"))
    for name, expected in (("valid", True), ("invalid", False)):
        rows = [
            row["hex"]
            for row in vectors.get(name, [])
            if isinstance(row, dict) and "hex" in row and not row.get("header")
        ]
        verdicts = page.evaluate(
            "all => all.map((data) => !core.refused(() => [core.cbor.decode(core.bytes.fromHex(data))]).refused)",
            rows,
        )
        assert verdicts == [expected] * len(rows)


@pytest.mark.parametrize("name", ["ed25519.json"])
def test_ed25519_vectors(page: Page, name: str) -> None:
    """P6, with all vectors, not only those the page carries."""
    vectors = json.loads((VECTORS / name).read_text("utf-8"))["vectors"]
    verdicts = page.evaluate(
        "all => all.map((v) => core.ed25519.verify(...[v.pub, v.message, v.signature].map(core.bytes.fromHex)))",
        vectors,
    )
    wrong = [
        vector["name"]
        for vector, verdict in zip(vectors, verdicts, strict=True)
        if verdict is not vector["valid"]
    ]
    assert wrong == []
    page.evaluate("core.ed25519.selfCheck()")


def test_the_page_carries_the_protocols_vectors() -> None:
    from protocol.ed25519_vectors import VECTORS as embedded

    rows = json.loads((ROOT / "assets" / "signing" / "ed25519-vectors.json").read_text("utf-8"))
    assert rows == [
        [v.name, v.valid, v.pub, v.message, v.signature, *([v.seed] if v.seed else [])] for v in embedded
    ]


def test_statements(page: Page) -> None:
    """Envelope, digests and possession (P8): made in the browser, read by Python, and the other way round."""
    dice = random.Random(3)
    for round in range(20):
        seed = dice.randbytes(32)
        pub = signatures.public_key(seed)
        iss, sub, aud = (identifier(dice.randbytes(32)) for _ in range(3))
        seen = None
        if round % 2:
            seen = documents.Seen(0, dice.randrange(10**9), dice.randbytes(32), dice.randbytes(64))
        on_behalf = documents.OnBehalf(aud, dice.randbytes(32)) if round % 3 == 0 else None
        iat = 1_760_000_000 + round
        fields: dict[str, Any] = {"text": "Росток " * dice.randrange(80), "re": [dice.randbytes(32)]}
        cti = dice.randbytes(16)
        header = documents.statement_header(
            kid=pub,
            iss=iss,
            sub=sub,
            aud=aud,
            iat=iat,
            exp=iat + 900,
            cti=cti,
            seen=seen,
            on_behalf=on_behalf,
        )
        payload = documents.payload_bytes("council.comment/1", fields, dice.randbytes(32))
        statement = documents.assemble(
            header, payload, signatures.sign(seed, documents.sig_structure(header, payload))
        )
        parsed = documents.parse(statement)
        of = {
            "kid": pub,
            "iss": iss,
            "sub": sub,
            "aud": aud,
            "iat": iat,
            "exp": iat + 900,
            "cti": cti,
            "seen": seen and list(seen),
            "onBehalf": on_behalf and list(on_behalf),
        }
        made = page.evaluate(
            """({of, statement, kid}) => {
                const data = core.bytes.fromHex(statement);
                const parsed = core.cose.parseStatement(data);
                const again = core.cose.assemble(parsed.protected, parsed.payloadBytes, parsed.signature);
                return core.to([core.cose.statementHeader(core.from(of)), again, core.cose.documentDigest(parsed.protected, parsed.payloadBytes),
                  core.cose.leafHash(data), core.cose.possession(core.bytes.fromHex(kid), parsed.iss, 0),
                  core.ed25519.verify(parsed.kid, core.cose.sigStructure(parsed.protected, parsed.payloadBytes), parsed.signature),
                  parsed.seen ?? false, parsed.payload]);
            }""",
            {"of": out(of), "statement": statement.hex(), "kid": pub.hex()},
        )
        assert back(made) == [
            header,
            statement,
            parsed.digest,
            merkle.leaf_hash(statement),
            documents.possession(pub, iss, 0),
            True,
            list(seen) if seen else False,
            parsed.payload,
        ]


def test_commitments(page: Page) -> None:
    """P20: the same root for the same salts; an absent field is a decoy."""
    names = ["name", "birth_date", "phone"]
    salts = {name: hashlib.sha256(name.encode()).digest() for name in names}
    held: dict[str, Any] = {"name": "Иванова", "phone": {"name": "p.pdf", "size": 3, "sha256": bytes(32)}}
    root, record = commitments.commit("membership.apply/1", names, held, salts)
    made = page.evaluate(
        """({names, held, salts}) => { const left = names.map((name) => core.from(salts)[name]);
            return core.to(core.commitments.commit("membership.apply/1", names, core.from(held), () => left.shift())) }""",
        {"names": names, "held": out(held), "salts": out(salts)},
    )
    assert back(made) == {"root": root, "record": record}


def test_proofs_of_the_log(page: Page) -> None:
    entries = [bytes([n]) * 3 for n in range(33)]
    hashes = [merkle.leaf_hash(entry) for entry in entries]
    rows: list[tuple[Any, ...]] = []
    for size in (1, 2, 3, 7, 8, 20, 33):
        root = merkle.root(hashes[:size])
        tree = merkle.subtrees(hashes[:size])
        for index in range(size):
            rows.append(
                (
                    "inclusion",
                    hashes[index],
                    index,
                    size,
                    merkle.inclusion_path(tree, index, size),
                    root,
                    True,
                )
            )
            rows.append(
                (
                    "inclusion",
                    hashes[index],
                    (index + 1) % size,
                    size,
                    merkle.inclusion_path(tree, index, size),
                    root,
                    size == 1,
                )
            )
        for old in range(size + 1):
            path = merkle.consistency_path(tree, old, size)
            rows.append(("consistency", old, merkle.root(hashes[:old]), size, root, path, True))
            rows.append(("consistency", old, hashlib.sha256(b"x").digest(), size, root, path, False))
            rows.append(
                ("consistency", old, merkle.root(hashes[:old]), size, root, [*path, bytes(32)], False)
            )
    verdicts = page.evaluate(
        "rows => rows.map(core.from).map(([kind, ...given]) => (kind === 'inclusion' ? core.log.verifyInclusion : core.log.verifyConsistency)(...given.slice(0, -1)))",
        out(rows),
    )
    assert verdicts == [row[-1] for row in rows]


def test_notes_and_tlog_proofs(page: Page) -> None:
    seed = hashlib.sha256(b"log").digest()
    name = f"coopnode/{identifier(bytes(32))}/0"
    signer = NoteSigner(name, seed)
    head = checkpoints.Checkpoint(name, 1, merkle.leaf_hash(b"entry"))
    note = checkpoints.sign_checkpoint(head, seed)
    opened = "([note, vkey]) => core.refused(() => core.log.openCheckpoint(note, vkey))"
    assert back(page.evaluate(opened, [note.decode(), str(signer.key)])) == {
        "origin": name,
        "size": 1,
        "root": head.root,
        "signature": checkpoints.log_signature(note)[1],
    }
    for broken in (
        note.replace(b"\n1\n", b"\n2\n"),
        note.replace(b"\n1\n", b"\n01\n"),
        note[:-1],
        b"x" + note,
        note.replace("— ".encode(), b"- "),
    ):
        assert "refused" in page.evaluate(opened, [broken.decode(), str(signer.key)])
    other = NoteSigner(name, bytes(32)).key
    assert "refused" in page.evaluate(opened, [note.decode(), str(other)])
    proof = proofs.format(proofs.TlogProof(0, (), note)).decode()
    assert page.evaluate("proof => core.log.parseProof(proof)", proof) == {
        "index": 0,
        "path": [],
        "note": note.decode(),
    }


def test_recovery_key_and_its_commitment(page: Page) -> None:
    seed = bytes(range(32))
    groups = page.evaluate("seed => core.recovery.groups(core.bytes.fromHex(seed))", seed.hex())
    assert len(groups) == 14 and base64.b32decode("".join(groups))[:32] == seed
    parse = "text => core.refused(() => core.recovery.parse(text))"
    assert back(page.evaluate(parse, " ".join(groups).lower())) == seed
    assert "refused" in page.evaluate(parse, " ".join(groups)[:-1] + ("A" if groups[-1][-1] != "A" else "B"))
    pub = signatures.public_key(seed)
    made = page.evaluate("pub => core.to(core.keys.recoveryCommitment(core.bytes.fromHex(pub)))", pub.hex())
    assert back(made) == recovery_commitment(PublicKey(-19, pub, "recovery"))


def test_suggested_passphrases(page: Page) -> None:
    for language in ("ru", "en"):
        phrases = page.evaluate(
            "language => Array.from({length: 50}, () => core.passphrase.generate(language))", language
        )
        assert len(set(phrases)) == 50 and all(len(phrase.split()) == 6 for phrase in phrases)
        assert page.evaluate(
            "all => all.every((phrase) => core.passphrase.strength(phrase) === 'good')", phrases
        )
    weak = ["", "password", "11111111111111111111", "абабабабабаб"]
    assert page.evaluate("all => all.map(core.passphrase.strength)", weak) == ["weak"] * 4


@pytest.mark.parametrize(("wanted", "language"), [("ru", "ru"), ("en", "en"), ("eo", "en"), (None, "en")])
def test_a_language_without_words_is_english(page: Page, wanted: str | None, language: str) -> None:
    page.evaluate("wanted => core.i18n.setLanguage(wanted)", wanted)
    asked = "[core.i18n.currentLanguage(), document.documentElement.lang, core.i18n.t('cancel')]"
    words = page.evaluate(f"core.i18n.LANGUAGES.{language}.cancel")
    assert page.evaluate(asked) == [language, language, words]
    said = page.evaluate("core.i18n.said({ru: 'да', en: 'yes'})")
    assert said == {"ru": "да", "en": "yes"}[language]


def test_a_day_is_that_of_the_cooperatives_clock(page: Page) -> None:
    """Midnight in Kathmandu, where it is still the day before in Moscow and in UTC."""
    page.evaluate("core.i18n.setLanguage('en')")
    midnight = 1_779_041_700

    def shown(zone: str | None) -> Any:
        asked = "([zone, at]) => { core.i18n.setZone(zone); return core.i18n.dayOf(at); }"
        return page.evaluate(asked, [zone, midnight])

    assert shown(None) == "17 May 2026", "nothing is known: Moscow"
    assert shown("Asia/Kathmandu") == "18 May 2026"
    assert shown(None) == "18 May 2026", "what is known stays"
    assert shown("Mars/Olympus") == "17 May 2026", "the node knows no such zone either"


def test_both_languages_have_the_same_words(page: Page) -> None:
    ru, en = page.evaluate("[core.i18n.LANGUAGES.ru, core.i18n.LANGUAGES.en]")
    assert set(ru) == set(en)
    facts = re.compile(r"\{(\w+)").findall
    assert [key for key in ru if set(facts(ru[key])) != set(facts(en[key]))] == []
    forbidden = ("хеш", "нода", "ноды", "блокчейн", "!")
    assert [key for key, text in ru.items() if any(word in text.lower() for word in forbidden)] == []
