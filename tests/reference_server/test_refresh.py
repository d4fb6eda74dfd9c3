"""New tokens for rejected ones: who is asked, how often, how long, and what an answer changes."""

import json

import anyio
import httpx
import pytest

from .conftest import Tokens, every_revision, hello
