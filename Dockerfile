# covidreport on CPUs: docker build -t covidreport . && docker run --rm -v "$PWD:/work" covidreport evaluate runs/
FROM python:3.12-slim
COPY . /opt/covidreport
WORKDIR /opt/covidreport
RUN python -m pip install --no-cache-dir --constraint constraints.txt '.[cpu,dicom]'
WORKDIR /work
ENTRYPOINT ["covidreport"]
