"""Picture files to arrays and back, with bit depth, alpha, colour and metadata kept."""

from srgan_gp.images.film import Film, Frame
from srgan_gp.images.film_writing import FILM_FORMATS, write_film
from srgan_gp.images.formats import FORMATS, Quality, check_encodable, find_format
from srgan_gp.images.frames import read_film
from srgan_gp.images.picture import Picture
from srgan_gp.images.reading import DEFAULT_MAX_PIXELS, read_image
from srgan_gp.images.writing import encode_image, write_image

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "FILM_FORMATS",
    "FORMATS",
    "Film",
    "Frame",
    "Picture",
    "Quality",
    "check_encodable",
    "encode_image",
    "find_format",
    "read_film",
    "read_image",
    "write_film",
    "write_image",
]
