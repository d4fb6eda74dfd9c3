"""Parents in this process, each named by its one fault: which token it hands over."""

import json
from typing import Any

import jwt
from answers_on_stage import ChangesAnswers
from codex_conformance.exchange import REFRESH
from codex_conformance.judge_parent.conversation import LOGIN
from codex_conformance.tokens import BETA
from on_stage import Message, Parent, RefreshError

AUTH = "https://api.openai.com/auth"
KEY = "a key that is long enough to sign with"


def token(**claims: Any) -> str:
    """A JWT that no issuer has issued."""
    return jwt.encode(claims, KEY)


class OtherTokens(Parent):
    """Hands over other tokens than those of the issuer, in the login already."""

    def access(self, tokens: Message) -> str:
        return str(tokens["access_token"])

    def shaped(self, tokens: Message) -> Message:
        return super().shaped(tokens | {"access_token": self.access(tokens)})


class TokensThatNameNobody(OtherTokens):
    def access(self, tokens: Message) -> str:
        return token(number=self.next_id, sub=tokens["access_token"][-8:])


class TokensWithAClaimOfText(OtherTokens):
    def access(self, tokens: Message) -> str:
        return token(**{AUTH: "none", "sub": tokens["access_token"][-8:]})


class TokensThatLookHidden(OtherTokens):
    def access(self, tokens: Message) -> str:
        return tokens["access_token"].rpartition(".")[0] + ".xxxx"


class PrintsTokensOfItsOwn(TokensThatNameNobody):
    def shaped(self, tokens: Message) -> Message:
        shaped = super().shaped(tokens)
        if not self.times:
            self.process.print(shaped["accessToken"])
        return shaped


class PrintsAnswersOfItsOwn(TokensThatNameNobody):
    def shaped(self, tokens: Message) -> Message:
        shaped = super().shaped(tokens)
        if self.times:
            self.process.print(shaped["accessToken"])
        return shaped


class ADocumentForAToken(ChangesAnswers):
    def changed(self, message: Message) -> Message:
        document = json.dumps({"token": message["result"]["accessToken"]})
        return message | {"result": message["result"] | {"accessToken": document}}


class OpaqueAccessToken(ChangesAnswers):
    def changed(self, message: Message) -> Message:
        return message | {"result": message["result"] | {"accessToken": "opaque-token-of-ours"}}


class AStarredToken(ChangesAnswers):
    member = "accessToken"

    def changed(self, message: Message) -> Message:
        return message | {"result": message["result"] | {self.member: "***"}}


class AStarredIdToken(AStarredToken):
    member = "idToken"


class AStarredLogin(Parent):
    async def log_in(self) -> None:
        if not self.is_introduced:
            return await super().log_in()
        shaped = self.shaped(self.newest) | {"accessToken": "***"}
        await self.call(LOGIN, {"type": "chatgptAuthTokens", **shaped})
        return None


class TheTokenOfTheLoginAlways(Parent):
    async def fresh(self, previous: str | None, asked: float) -> Message:
        if previous not in (None, self.newest["account_id"]):
            raise RefreshError("unknown account")
        self.count()
        return self.newest


class RotatesOnceOnly(Parent):
    async def fresh(self, previous: str | None, asked: float) -> Message:
        if self.answered >= 0:
            return self.newest
        return await super().fresh(previous, asked)


class StatesAnotherAccount(ChangesAnswers):
    def changed(self, message: Message) -> Message:
        return message | {"result": message["result"] | {"chatgptAccountId": BETA}}


class HandsOverAnothersToken(Parent):
    member = "access_token"

    async def fresh(self, previous: str | None, asked: float) -> Message:
        tokens = await super().fresh(previous, asked)
        others = await self.fetch(BETA)
        return tokens | {self.member: others[self.member]}


class HandsOverAnothersIdToken(HandsOverAnothersToken):
    member = "id_token"


class TheCurrentAccountAlways(Parent):
    async def fresh(self, previous: str | None, asked: float) -> Message:
        return await self.fetch(None)


class AnAccountHasToBeNamed(Parent):
    async def fresh(self, previous: str | None, asked: float) -> Message:
        if previous is None:
            raise RefreshError("no account is named")
        return await super().fresh(previous, asked)


class NullIsNoAccount(Parent):
    def heed(self, message: Message) -> None:
        params = message.get("params") or {}
        named = "previousAccountId" in params and params["previousAccountId"] is None
        if message.get("method") != REFRESH or not named:
            super().heed(message)


class AnyAccountIsTheSame(Parent):
    async def fresh(self, previous: str | None, asked: float) -> Message:
        return await super().fresh(None, asked)


class TakesWhatTheIssuerHas(Parent):
    async def fetch(self, account: str | None) -> Message:
        tokens = await super().fetch(account)
        if self.newest and account is not None:
            return tokens | {"account_id": account}
        return tokens


class TheOldTokenWhenItCannot(Parent):
    async def fresh(self, previous: str | None, asked: float) -> Message:
        try:
            return await super().fresh(previous, asked)
        except RefreshError as reason:
            if "again" in str(reason):
                raise
            return self.newest
