"""The sequencer: the one place where statements become entries (SPEC §9.3–9.5, P13–P15).

A submission passes, in this order: size, same bytes, form, key look-up, token bucket, local policy, signature and private record (in chunks, in a
thread), and a queue that is fair by account. One batch is what queued while the previous one was being committed; there is no linger.
The batch is judged and written by one thread on a synchronous driver; the promise *committed* is signed after the commit.

Nothing here decides what is right: `protocol.log.Batch` does. When a commit leaves doubt, writing stops and says why; reading goes on.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
import sqlite3
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from sqlalchemy_free import StorageError

from coopnode import admission
from coopnode.answers import Answer, Busy, Committed, Refusal, Signer
from coopnode.clock import Clock, ClockDoubtful
from coopnode.config import Limits
from coopnode.keystore import Keystore
from coopnode.projections import Projections
