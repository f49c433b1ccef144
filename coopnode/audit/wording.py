"""The audit's sentences in English and Russian: what is wrong, who could have done it, and the whole report.

Refusals of the contracts have their sentences in `protocol.wording`; here are those of the audit itself, and who
stands behind each kind.
"""

# ruff: noqa: E501  (tables of sentences)

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from protocol import wording as words

if TYPE_CHECKING:
    from coopnode.audit.report import Report

Language = Literal["en", "ru"]

#: code → (English, Russian)
SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "bad_signature": (
        "the signature of the entry does not hold",
        "подпись под записью неверна",
    ),
    "malformed": (
        "the entry is not a statement in its canonical form",
        "запись не является документом в каноническом виде",
    ),
    "too_large": ("the entry is longer than 65,535 bytes", "запись длиннее 65 535 байт"),
    "seen_ahead": (
        "the signer had verified a larger log than existed at this place: somebody was shown another history",
        "подписавший проверил журнал длиннее, чем он был в этом месте: кому-то показали другую историю",
    ),
    "seen_fork": (
        "what the signer had verified is no beginning of this log: somebody was shown another history",
        "то, что проверил подписавший, не является началом этого журнала: кому-то показали другую историю",
    ),
    "seen_unknown": (
        "the signer named a larger log than existed at this place, without the log's signature over it",
        "подписавший назвал журнал длиннее, чем он был в этом месте, без подписи журнала под ним",
    ),
    "checkpoint_malformed": ("the checkpoint is not a signed log head", "отметка журнала (checkpoint) повреждена"),
    "checkpoint_signature": (
        "the checkpoint is not signed by the log key that entry 0 names",
        "отметка журнала не подписана ключом журнала, названным в записи 0",
    ),
    "wrong_origin": (
        "the checkpoint belongs to another cooperative than entry 0",
        "отметка журнала принадлежит другому кооперативу, чем запись 0",
    ),
    "wrong_cooperative": (
        "this is the log of another cooperative than expected",
        "это журнал другого кооператива, не того, который ожидался",
    ),
    "empty_log": ("the log is empty", "журнал пуст"),
    "bundle_malformed": (
        "the file of entries is damaged: it ends inside an entry or holds a wrong number of them",
        "файл записей повреждён: обрывается внутри записи или содержит не то их число",
    ),
    "entry_not_in_tree": (
        "the entry is not the one that the signed head covers",
        "запись не та, которую охватывает подписанная отметка журнала",
    ),
    "tile_mismatch": (
        "a file of hashes does not agree with the entries and the signed head",
        "файл хэшей не соответствует записям и подписанной отметке журнала",
    ),
    "root_mismatch": (
        "the entries do not give the root that the log key signed",
        "из записей не получается корень, подписанный ключом журнала",
    ),
    "fork": (
        "the checkpoint saved earlier is no beginning of this log: two histories were signed",
        "сохранённая ранее отметка не является началом этого журнала: подписаны две разные истории",
    ),
    "rolled_back": (
        "the log is shorter than a head signed earlier: entries were taken back",
        "журнал короче, чем подписанная ранее отметка: записи изъяты",
    ),
    "other_generation": (
        "the checkpoint saved earlier is of another log (cooperative or generation)",
        "сохранённая ранее отметка принадлежит другому журналу (кооперативу или поколению)",
    ),
    # -- a node's own directory
    "entry_missing": ("an entry is missing in the database", "в базе данных не хватает записи"),
    "entry_changed": (
        "the entry in the database is not the one whose hash stands beside it",
        "запись в базе данных не та, хэш которой сохранён рядом",
    ),
    "entry_row": (
        "what the database keeps about the entry (type, account, digest, time) does not follow from its bytes",
        "сведения о записи в базе (тип, счёт, отпечаток, время) не соответствуют её байтам",
    ),
    "head_mismatch": (
        "the head the database keeps does not follow from its entries",
        "голова журнала в базе не соответствует её записям",
    ),
    "head_file_mismatch": (
        "the separate head database remembers another history than the log",
        "отдельная база голов помнит другую историю, чем журнал",
    ),
    "head_file_missing": (
        "the separate head database is missing; a restored copy gets it by `coopnode restore --head`",
        "нет отдельной базы голов; восстановленная копия получает её командой `coopnode restore --head`",
    ),
    "state_row": (
        "a row of the state is not what the contracts compute from the log",
        "строка состояния не та, которую дают правила по журналу",
    ),
    "state_missing": (
        "a row of the state that follows from the log is missing",
        "не хватает строки состояния, которая следует из журнала",
    ),
    "state_extra": ("the state has a row that no document caused", "в состоянии есть строка, которую не вызвал ни один документ"),
    "projection_mismatch": (
        "a table of the pages is not what a rebuild gives; coopnode rebuild puts it right",
        "таблица для страниц не та, которую даёт пересборка; её исправит coopnode rebuild",
    ),
    "record_missing": (
        "the private record belonging to the entry is neither kept nor noted as erased",
        "личные данные к записи не хранятся и не отмечены как стёртые",
    ),
    "state_mismatch": (
        "the continuation of the log names another state than the entries before it lead to",
        "продолжение журнала называет не то состояние, к которому ведут записи до него",
    ),
    "wrong_generation": (
        "the checkpoint is of a part of the log that its documents do not lead to",
        "отметка относится к части журнала, к которой его документы не ведут",
    ),
    "loss_hidden": (
        "the checkpoint saved earlier is larger than the loss this log owns to",
        "сохранённая прежде отметка больше, чем потеря, в которой журнал признаётся",
    ),
    "record_not_erased": (
        "the private record of the entry is still kept although an officer erased it",
        "личные данные к записи хранятся, хотя должностное лицо их удалило",
    ),
    "record_unreadable": (
        "the private record of the entry cannot be decrypted",
        "личные данные к записи не расшифровываются",
    ),
    "record_mismatch": (
        "the private record does not give the commitment in the signed statement",
        "личные данные не соответствуют обязательству в подписанном документе",
    ),
    "blob_mismatch": ("a public text is not the one its digest names", "текст документа не тот, на который указывает его отпечаток"),
    "blob_missing": ("the text that the entry adopts is missing", "нет текста документа, который принят этой записью"),
    "attachment_mismatch": ("an attached file is missing or damaged", "приложенный файл отсутствует или повреждён"),
}  # fmt: skip

_CARRIER = (
    "Whoever holds or carries these files: the disk, a copy, a proxy on the way. The head signed by the node is not at fault.",
    "Тот, кто хранит или передаёт эти файлы: диск, копия, посредник по пути. Подписанная узлом отметка здесь ни при чём.",
)
_LOG_KEY = (
    "Only the holder of the cooperative's log key: the node, or who has its keys. The checkpoint is the proof, keep it.",
    "Только владелец ключа журнала кооператива: узел или тот, у кого его ключи. Отметка — доказательство, сохраните её.",
)
_FORGED = (
    "The node: no key signed these bytes, and only the holder of the log key can put them under a signed head.",
    "Узел: эти байты не подписаны никаким ключом, а поместить их под подписанную отметку может лишь владелец ключа журнала.",
)
_LET_IN = (
    "The person's signature holds, but every honest node refuses this statement: who runs the node let it in.",
    "Подпись человека верна, но честный узел отказал бы этому документу: его пропустил тот, кто управляет узлом.",
)
_REPLAYED = (
    "Somebody who kept a formerly signed statement handed it in again, and the node let it in.",
    "Кто-то сохранил ранее подписанный документ и подал его снова, а узел его пропустил.",
)
_NO_RIGHT = (
    "The holder of a key without this right; the node, which must refuse it, let it in.",
    "Владелец ключа без этого права; узел обязан был отказать, но пропустил.",
)
_TWO_HISTORIES = (
    "The node showed two histories, or the signer's device named a head that never was. Compare the checkpoints of both.",
    "Узел показал две истории, либо устройство подписавшего назвало отметку, которой не было. Сравните отметки обоих.",
)
_STALE = (
    "Whoever holds or carries these files can show an old copy; when the node itself answers so, it has taken entries back.",
    "Тот, кто хранит или передаёт эти файлы, может показать старую копию; если так отвечает сам узел, записи изъял он.",
)
_CHECKPOINT = (
    "Whoever carries the checkpoint, or a node that signs with another key than its cooperative was founded with.",
    "Тот, кто передаёт отметку, либо узел, который подписывает не тем ключом, с которым основан кооператив.",
)
_NODE = ("The node itself: it signed this statement.", "Сам узел: этот документ подписан его ключом.")
_SOFTWARE = (
    "The node, and the log key's holder with it: its own software refuses to take such bytes.",
    "Узел и владелец ключа журнала: исправная программа такие байты не принимает.",
)
_OPERATOR = (
    "Whoever can write to the data directory of this machine, or a broken disk.",
    "Тот, кто может писать в каталог данных этой машины, либо неисправный диск.",
)
_RESTORED = (
    "Nobody, when this is a restored copy: entries, hashes and signatures agree, and only how far the log was signed is not known here.",
    "Никто, если это восстановленная копия: записи, хеши и подписи сходятся, неизвестно только, докуда журнал был подписан.",
)
_READER = (
    "Nobody need be at fault: compare what you expected with whom you asked.",
    "Возможно, никто: сравните, чего вы ожидали и кого спросили.",
)

_CULPRITS: Final[Mapping[str, tuple[str, str]]] = {
    "bad_signature": _FORGED,
    "malformed": _SOFTWARE,
    "too_large": _SOFTWARE,
    "unknown_type": _SOFTWARE,
    "checkpoint_malformed": _CARRIER,
    "checkpoint_signature": _CHECKPOINT,
    "wrong_origin": _CHECKPOINT,
    "wrong_cooperative": _READER,
    "other_generation": _READER,
    "empty_log": _READER,
    "bundle_malformed": _CARRIER,
    "entry_not_in_tree": _CARRIER,
    "tile_mismatch": _CARRIER,
    "root_mismatch": _LOG_KEY,
    "fork": _LOG_KEY,
    "rolled_back": _STALE,
    "seen_fork": _TWO_HISTORIES,
    "seen_ahead": _TWO_HISTORIES,
    "seen_unknown": _LET_IN,
    "nonce_reused": _REPLAYED,
    "expired": _REPLAYED,
    "wrong_audience": _REPLAYED,
    "not_yet_valid": _LET_IN,
    "unknown_account": _NO_RIGHT,
    "unknown_key": _NO_RIGHT,
    "key_revoked": _NO_RIGHT,
    "key_waiting": _NO_RIGHT,
    "not_allowed": _NO_RIGHT,
    "wrong_recovery_key": _NO_RIGHT,
    "tick_not_later": _NODE,
    "head_file_missing": _RESTORED,
    **dict.fromkeys(
        (
            "entry_missing", "entry_changed", "entry_row", "head_mismatch", "head_file_mismatch",
            "state_row", "state_missing", "state_extra", "projection_mismatch", "record_missing", "record_not_erased", "record_unreadable", "record_mismatch", "blob_mismatch", "blob_missing",
            "attachment_mismatch",
        ),
        _OPERATOR,
    ),
}  # fmt: skip

#: code → (English, Russian)
NOTES: Final[Mapping[str, tuple[str, str]]] = {
    "trusted_prefix": (
        "Signatures before the saved checkpoint were not checked again (--trust-since).",
        "Подписи до сохранённой отметки повторно не проверялись (--trust-since).",
    ),
    "not_pinned": (
        "The cooperative's id was not given (--expect): compare it with what you know.",
        "Идентификатор кооператива не задан (--expect): сравните его с известным вам.",
    ),
    "not_compared": (
        "No earlier checkpoint was given (--since): a second history shown to others would not be noticed.",
        "Прежняя отметка не задана (--since): другая история, показанная другим, осталась бы незамеченной.",
    ),
    "continued": (
        "The end of this log was lost once; its log.continue/1 says what and who was asked. Promises and checkpoints of the earlier part stay evidence.",
        "Конец этого журнала однажды был потерян; что именно и кого спрашивали, сказано в его log.continue/1. Обещания и отметки прежней части остаются доказательствами.",
    ),
    "unpublished": (
        "The database holds entries after the last signed checkpoint; the running node signs them, or does at its next start.",
        "В базе есть записи после последней подписанной отметки; их подпишет работающий узел или его следующий запуск.",
    ),
    "running": (
        "The node was running: its tables were read at one moment.",
        "Узел работал: таблицы прочитаны на один момент времени.",
    ),
    "models_unfilled": (
        "The tables of the pages are not filled yet; the next start fills them.",
        "Таблицы страниц ещё не заполнены; их заполнит следующий запуск узла.",
    ),
    "records_lost": (
        "Private records or texts of some entries were lost with a machine; a restore noted which.",
        "Личные данные или тексты к части записей потеряны вместе с машиной; к каким, отмечено при восстановлении.",
    ),
    "records_unchecked": (
        "Private records were not opened: the vault key is not in this directory.",
        "Личные данные не проверялись: ключа хранилища в каталоге нет.",
    ),
}  # fmt: skip

_T: Final[Mapping[str, tuple[str, str]]] = {
    "source": ("Log", "Журнал"),
    "cooperative": ("Cooperative", "Кооператив"),
    "id": ("Id", "Идентификатор"),
    "head": ("Head", "Голова"),
    "entries": ("entries", "записей"),
    "replayed": ("Replayed", "Проверено"),
    "signatures": ("signatures", "подписей"),
    "until": ("Log time", "Время журнала"),
    "state": ("State digest", "Отпечаток состояния"),
    "results": ("Results of votes computed anew", "Итоги голосований, пересчитанные заново"),
    "types": ("Documents", "Документы"),
    "ok": ("No contradiction found.", "Противоречий не найдено."),
    "bad": ("CONTRADICTION", "ПРОТИВОРЕЧИЕ"),
    "first": ("First bad entry", "Первая неверная запись"),
    "code": ("Code", "Код"),
    "signer": ("Signed by", "Подписал"),
    "who": ("Who could have done it", "Кто мог это сделать"),
    "where": ("Where", "Где"),
}  # fmt: skip


def sentence(code: str, language: Language, field: str | None) -> str:
    found = SENTENCES.get(code)
    if found is not None:
        text = found[language == "ru"]
    else:
        text = _contract_sentence(code, language) or (
            f"правила не допускают этот документ здесь ({code})"
            if language == "ru"
            else f"the rules do not allow this statement here ({code})"
        )
    return f"{text} [{field}]" if field else text


def culprit(code: str, type: str | None, language: Language, *, own: bool = False) -> str:
    """`own`: found in a node's own directory, where no stranger carries anything."""
    found = _CULPRITS.get(code, _LET_IN)
    if type is not None and type.startswith("node.") and found in (_LET_IN, _REPLAYED):
        found = _NODE
    if own and found in (_CARRIER, _CHECKPOINT, _STALE, _LOG_KEY, _FORGED):
        found = _OPERATOR
    return found[language == "ru"]


def note(code: str, language: Language) -> str:
    return NOTES[code][language == "ru"]


def _contract_sentence(code: str, language: Language) -> str | None:
    try:
        told = words.rejection(code, language)
    except KeyError:
        return None
    if language == "ru":
        return f"честный узел отказал бы этому документу: «{told}»"
    return f"an honest node would have refused this statement: “{told}”"


def report(found: Report, language: Language) -> list[str]:
    def word(key: str) -> str:
        return _T[key][language == "ru"]

    lines = [f"{word('source')}: {found.source}"]
    if found.cooperative:
        lines.append(f"{word('cooperative')}: {found.name or '—'}")
        lines.append(f"{word('id')}: {found.cooperative}")
    if found.root:
        lines.append(
            f"{word('head')}: {found.size} {word('entries')}, {base64.b64encode(found.root).decode()}"
        )
    lines.append(
        f"{word('replayed')}: {found.entries} {word('entries')}, {found.signatures} {word('signatures')}, {found.seconds:.1f} s"
    )
    if found.tick:
        lines.append(
            f"{word('until')}: {datetime.fromtimestamp(found.tick, UTC).isoformat().replace('+00:00', 'Z')}"
        )
    if found.state_digest:
        lines.append(f"{word('state')}: {found.state_digest.hex()}")
    if found.results:
        lines.append(f"{word('results')}: {found.results}")
    if found.counts:
        lines.append(f"{word('types')}:")
        lines.extend(f"  {count:8d}  {name}" for name, count in sorted(found.counts.items()))
    lines.extend(note(code, language) for code in found.notes)
    problem = found.problem
    if problem is None:
        return [*lines, "", word("ok")]
    lines += ["", f"{word('bad')}: {problem.sentence(language)}"]
    if problem.index is not None:
        lines.append(f"{word('first')}: {problem.index}" + (f" ({problem.type})" if problem.type else ""))
    lines.append(f"{word('code')}: {problem.code}")
    if problem.where:
        lines.append(f"{word('where')}: {problem.where}")
    if problem.signer:
        lines.append(f"{word('signer')}: {problem.signer}")
    lines.append(f"{word('who')}: {problem.culprit(language)}")
    return lines
