"""What an installation means for the household, in plain words."""

from homeassistant.core import HomeAssistant

from ..core.preflight.risk import Risk
from ..translation import async_label, async_sentence
from .duration import async_takes


async def async_risk_summary(hass: HomeAssistant, risk: Risk) -> list[str]:
    """Return a sentence for each thing that a person should know beforehand."""
    sentences = [
        ("risk_change", {"before": risk.from_version, "after": risk.to_version}),
        (f"risk_way_back_{risk.way_back}", {}),
    ]
    if risk.no_battery is not None:
        sentences.append((f"risk_{risk.no_battery}", {}))
    if risk.advisories:
        sentences.append(("risk_advisories", {"ids": ", ".join(risk.advisories)}))
    if risk.disrupts:
        names = [await async_label(hass, "disruption", each) for each in risk.disrupts]
        sentences.append(("risk_disrupts", {"functions": ", ".join(names)}))
    told = [
        await async_sentence(hass, key, placeholders) for key, placeholders in sentences
    ]
    return [told[0], await async_takes(hass, risk.expected), *told[1:]]
