"""The jobs a person asks for, one file each; window and command line call the same ones."""
