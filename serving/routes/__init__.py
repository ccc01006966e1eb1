"""Routes by subject; ``guard`` says who may use them, ``documents`` what OpenAPI tells of them."""
