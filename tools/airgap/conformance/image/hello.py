"""What the image runs."""

if __name__ == "__main__":
    print("hello from an image")
