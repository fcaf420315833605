"""Names, ids and colours of the classes that napari-all deals in."""

from __future__ import annotations

from dataclasses import dataclass

from napari_all.errors import UsageError, unknown_name


@dataclass(frozen=True)
class ClassScheme:
    """Ordered class names with a key for tables and a colour for pictures.

    Parameters
    ----------
    names
        Names as shown to people, in the order of the network's outputs.
    keys
        Lower-case names for table columns (`p_<key>`) and settings.
    colours
        One `#rrggbb` per class; Okabe and Ito's colour-blind safe set (jfly.uni-koeln.de/color).
    aliases
        Further spellings (folder names) mapped to a name.
    """

    names: tuple[str, ...]
    keys: tuple[str, ...]
    colours: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not len(self.names) == len(self.keys) == len(self.colours):
            raise UsageError(
                f"a class scheme needs as many keys and colours as names; "
                f"got {len(self.names)} names, {len(self.keys)} keys, {len(self.colours)} colours"
            )

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Return the position of a class given by name, key or alias, whatever its case, spaces and punctuation."""
        wanted = _letters(name)
        table = {_letters(n): n for n in self.names}
        table |= {_letters(k): n for k, n in zip(self.keys, self.names, strict=True)}
        table |= {_letters(a): n for a, n in self.aliases}
        if wanted not in table:
            raise unknown_name("class", name, self.names)
        return self.names.index(table[wanted])

    def colour(self, name: str) -> str:
        """Return the colour of a class as `#rrggbb`."""
        return self.colours[self.index(name)]


def _letters(name: str) -> str:
    """Return a name's letters and digits in lower case: `[Malignant] early Pre-B` is `malignantearlypreb`."""
    return "".join(c for c in name.casefold() if c.isalnum())


SUBTYPES = ClassScheme(
    names=("Benign", "Early Pre-B", "Pre-B", "Pro-B"),
    keys=("benign", "early_pre_b", "pre_b", "pro_b"),
    colours=("#009e73", "#e69f00", "#0072b2", "#cc79a7"),
    aliases=(
        ("Hematogones", "Benign"),
        ("[Benign] Hematogones", "Benign"),
        ("Early", "Early Pre-B"),
        ("Pre", "Pre-B"),
        ("Pro", "Pro-B"),
        ("[Malignant] early Pre-B", "Early Pre-B"),
        ("[Malignant] Pre-B", "Pre-B"),
        ("[Malignant] Pro-B", "Pro-B"),
    ),
)
"""The four subtypes of the Taleqani dataset (doi 10.34740/KAGGLE/DSV/2175623)."""

BACKGROUND, CYTOPLASM, NUCLEUS = 0, 1, 2
"""Codes of a classes map (uint8); a method that cannot part them marks the whole cell NUCLEUS."""
