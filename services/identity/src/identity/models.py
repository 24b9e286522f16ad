"""What clients send. Everything is strict, and an empty text is missing (web.models)."""

from pydantic import Field

from identity.members import Form
from identity.staff import Changes
from web.models import (
    Body,
    CardNumber,
    Email,
    Password,
    Secret,
    StoreId,
    Text32,
    Text100,
    Text500,
    Username,
)


class Login(Body):
    """A user name and a password, compared as they are: a wrong form is a wrong user."""

    username: Secret
    password: Secret


class StaffLogin(Body):
    """The login of somebody of the operator's own, made by the operators' command."""

    username: Username
    password: Password


class Refresh(Body):
    """A refresh token, as it was given out."""

    refresh_token: Secret


class ChangePassword(Body):
    """The password that is, and the one that shall be."""

    current_password: Secret
    new_password: Password


class ServiceLogin(Body):
    """A service and the secret that it shares with identity."""

    client_id: Secret
    client_secret: Secret


class CardsAsked(Body):
    """Cards that another service asks for: those of a whole batch at most."""

    card_numbers: list[CardNumber] = Field(max_length=1_000)


class NewMember(Body):
    """A registration, by oneself or at the counter."""

    name: Text100
    address: Text500
    identity_number: Text32
    auto_save_consent: bool
    email: Email | None = None
    card_number: CardNumber | None = None

    def form(self) -> Form:
        """Return what the command takes."""
        return Form(
            name=self.name,
            address=self.address,
            identity_number=self.identity_number,
            auto_save_consent=self.auto_save_consent,
            email=self.email,
            card_number=self.card_number,
        )


class MemberChanges(Body):
    """Any of a member's data but the card number; what is not sent stays."""

    name: Text100 = ""
    address: Text500 = ""
    identity_number: Text32 = ""
    auto_save_consent: bool = False
    email: Email | None = None


class NewCashier(Body):
    """A cashier, whose id is also the user name."""

    cashier_id: Username
    name: Text100
    store_id: StoreId
    password: Password


class NewOperator(Body):
    """An operator of a store's public shop."""

    username: Username
    name: Text100
    store_id: StoreId
    password: Password
    email: Email | None = None


class CashierChanges(Body):
    """Any of a cashier's data but the id; what is not sent stays."""

    name: Text100 = ""
    store_id: StoreId = ""
    password: Password = ""

    def changes(self) -> Changes:
        """Return what the command takes."""
        return Changes(**self.model_dump(exclude_unset=True))


class OperatorChanges(CashierChanges):
    """Any of an operator's data but the user name."""

    email: Email | None = None

    def changes(self) -> Changes:
        """Return what the command takes."""
        set_email = "email" in self.model_fields_set
        return Changes(**self.model_dump(exclude_unset=True), set_email=set_email)
