"""Barcodes, read back by another library than the one that drew them."""

from io import BytesIO

import resvg_py
import zxingcpp
from PIL import Image

from identity.testing import Client, Service


def decoded(png: bytes) -> str:
    """Return what a scanner reads, having checked that it is one Code 128."""
    with Image.open(BytesIO(png)) as image:
        found = zxingcpp.read_barcodes(image.convert("L"))
    assert [each.format for each in found] == [zxingcpp.BarcodeFormat.Code128]
    return found[0].text


# A leading 98, 99, 100 ... looks like a control code of Code 128; odd lengths end in code set B.
NUMBERS = ["1000", "12345", "9900123456789018", "9812", "99991", "1009", "0000", "1" * 31, "9" * 32]


async def test_a_scanner_reads_the_card_number(service: Service, admin: Client) -> None:
    for number in NUMBERS:
        await service.register(card_number=number)

        png = await admin.get(f"/cards/{number}/barcode.png")
        assert png.headers["content-type"] == "image/png"
        assert decoded(png.content) == number
        svg = await admin.get(f"/cards/{number}/barcode.svg")
        assert svg.headers["content-type"].startswith("image/svg+xml")
        drawn = resvg_py.svg_to_bytes(svg_string=svg.text, dpi=300, background="white")
        assert decoded(bytes(drawn)) == number


async def test_a_card_is_shown_to_its_member_and_to_the_till(service: Service) -> None:
    own, other = await service.register("Susila"), await service.register("Handika")
    member = await service.logged_in(own["username"], own["password"])
    cashier = await service.role("cashier", "ani", store_id="kantin")
    path = "/cards/{}/barcode.{}"

    for kind in ("svg", "png"):
        mine, foreign = path.format(own["card_number"], kind), path.format("4321", kind)
        assert (await member.get(mine)).status_code == 200
        assert (await member.get(path.format(other["card_number"], kind))).status_code == 404
        assert (await cashier.get(mine)).status_code == 200
        for caller in (member, cashier, await service.admin()):
            assert (await caller.get(foreign)).status_code == 404
        assert (await (await service.guest()).get(mine)).status_code == 401
        assert (await (await service.role("operator", "budi")).get(mine)).status_code == 403
        malformed = await cashier.get(path.format("12x4", kind))
        assert malformed.json()["errors"][0]["field"] == "number"
